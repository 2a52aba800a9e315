import type { Race } from '../race.ts'
import type { RaceServer } from '../verdict.ts'
import { Arena } from './arena.ts'

interface Opened {
  readonly race: Race
  readonly arena: Promise<Arena>
}

/**
 * One database for all races of one schema and one seed: to migrate and to seed takes longer than
 * many a race. One race at a time.
 */
export class Arenas {
  readonly #server: RaceServer
  readonly #opened: Opened[] = []
  readonly #forgotten: Opened[] = []

  constructor(server: RaceServer) {
    this.#server = server
  }

  open(race: Race): Promise<Arena> {
    const known = this.#opened.find(
      ({ race: other }) => other.schema === race.schema && other.seed === race.seed,
    )
    if (known !== undefined) return known.arena
    const arena = Arena.open(race, this.#server)
    this.#opened.push({ race, arena })
    return arena
  }

  /** Whoever opens one from now on gets another. */
  forget(): void {
    this.#forgotten.push(...this.#opened.splice(0))
  }

  async close(): Promise<void> {
    const opened = [...this.#opened.splice(0), ...this.#forgotten.splice(0)]
    await Promise.allSettled(opened.map(async ({ arena }) => (await arena).close()))
  }
}
