/** When keys were last used: kept here per request, written to the database in the background. */
import type { Clock } from '../../base/clock.ts'
import type { Pool } from '../../database/pool.ts'
import type { Log } from '../../runtime/log.ts'
import { Loop, type LoopSignals, type Turn } from '../../runtime/loop.ts'
import { updateLastUsed } from './store.ts'

const INTERVAL_MS = 30_000
/** More keys than this between two turns: the surplus is not noted. It is a hint, not an audit. */
const KEYS_MAX = 10_000
/** Row locks of one statement; also keeps its parameters small. */
const ROWS_MAX = 1_000

export interface UseRecorderOptions {
  readonly pool: Pool
  readonly clock: Clock
  readonly log: Log
  readonly signals?: LoopSignals | undefined
}

export class UseRecorder {
  readonly loop: Loop
  readonly #pool: Pool
  readonly #clock: Clock
  readonly #usedAtMs = new Map<string, number>()

  constructor(options: UseRecorderOptions) {
    const { pool, clock, log, signals } = options
    this.#pool = pool
    this.#clock = clock
    const turn = () => this.#turn()
    const name = 'api-key use recorder'
    const intervalMs = INTERVAL_MS
    this.loop = new Loop({ name, clock, log, intervalMs, turn, lastTurn: true, signals })
  }

  /** `nowMs` by clock.monotonicMs. */
  note(id: string, nowMs: number): void {
    if (this.#usedAtMs.size >= KEYS_MAX && !this.#usedAtMs.has(id)) return
    this.#usedAtMs.set(id, nowMs)
  }

  async #turn(): Promise<Turn> {
    const batch = [...this.#usedAtMs].slice(0, ROWS_MAX)
    if (batch.length === 0) return 'idle'
    const nowMs = this.#clock.monotonicMs()
    await updateLastUsed(
      this.#pool,
      batch.map(([id, usedAtMs]) => ({ id, agoMs: nowMs - usedAtMs })),
    )
    for (const [id, usedAtMs] of batch) this.#forget(id, usedAtMs)
    return this.#usedAtMs.size >= ROWS_MAX ? 'again' : 'idle'
  }

  /** Unless it was used again while the statement ran. */
  #forget(id: string, usedAtMs: number): void {
    if (this.#usedAtMs.get(id) === usedAtMs) this.#usedAtMs.delete(id)
  }
}
