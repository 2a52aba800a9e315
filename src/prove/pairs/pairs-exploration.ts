/**
 * All pairs of an app: each command with itself, and with each that touches a table which one of the
 * two writes, as was measured, on calls that both accept alone and that meet on the same rows.
 */
import { systemClock } from '../../base/clock.ts'
import { SeededRandom } from '../../base/seeded-random.ts'
import { Arenas } from '../arena/arenas.ts'
import { exploreRace } from '../explore-race.ts'
import type { RaceServer, Verdict } from '../verdict.ts'
import { DRAW_SEED, type ExploredPair, type ExplorePairsOptions } from './explored-pair.ts'
import { fewest } from './fewest.ts'
import { type Found, type FoundCall, findCalls } from './find-calls.ts'
import { raceOf } from './ground.ts'
import {
  identifiers,
  type Meeting,
  type Near,
  nearest,
  type Pair,
  rowsOfCall,
  shareTable,
  together,
  twice,
} from './pair-up.ts'
import type { Pairs } from './pairs.ts'
import { type Prepared, prepare } from './prepare.ts'

/** Some half a minute; the pairs of a shop need 200 at most. */
const SCHEDULES_MAX = 1_000
/** Draws that aim at the rows of another command. */
const FOCUS_TRIES_MAX = 6

export async function exploreOn(
  pairs: Pairs,
  options: ExplorePairsOptions,
  server: RaceServer,
): Promise<readonly ExploredPair[]> {
  const arenas = new Arenas(server)
  const startMs = systemClock.monotonicMs()
  try {
    const prepared = await prepare(pairs, options.seed ?? DRAW_SEED, arenas, options.signal)
    const given = { ...options, server, startMs }
    return await new PairsExploration(pairs, given, arenas, prepared).run()
  } finally {
    await arenas.close()
  }
}

interface Options extends ExplorePairsOptions {
  readonly server: RaceServer
  /** What was drawn and tried before the first pair counts too. */
  readonly startMs: number
}

class PairsExploration {
  readonly #pairs: Pairs
  readonly #options: Options
  readonly #arenas: Arenas
  readonly #prepared: Prepared
  readonly #names: ReadonlyMap<string, string>
  readonly #explored: ExploredPair[] = []

  constructor(pairs: Pairs, options: Options, arenas: Arenas, prepared: Prepared) {
    this.#pairs = pairs
    this.#options = options
    this.#arenas = arenas
    this.#prepared = prepared
    this.#names = identifiers(prepared.found.map(({ command }) => command.name))
  }

  async run(): Promise<readonly ExploredPair[]> {
    const { found } = this.#prepared
    for (const one of found) if (one.reason !== undefined) this.#undecided(one, one.reason)
    const drawn = found.filter(({ calls }) => calls.length > 0)
    for (const one of drawn) for (const pair of twice(one, this.#names)) await this.#prove(pair)
    for (const [at, one] of drawn.entries())
      for (const two of drawn.slice(at + 1)) {
        const plain = this.#plain(one, two)
        if (!shareTable(one, two) || !this.#isWanted(plain)) continue
        await this.#prove(this.#ended() === undefined ? await this.#aimed(one, two) : plain)
      }
    return this.#explored
  }

  #plain(one: Found, two: Found): Pair {
    const [left, right] = [one, two].map((found) => ({ found, call: found.calls[0] as FoundCall }))
    return together(left as Meeting, right as Meeting, this.#names)
  }

  #isWanted({ name, operations }: Pick<Pair, 'name' | 'operations'>): boolean {
    const { only } = this.#options
    return only === undefined || only === name || operations.includes(only)
  }

  #undecided({ command: { name } }: Found, reason: string): void {
    const pair = { name: this.#names.get(name) as string, operations: [name] }
    if (this.#isWanted(pair)) this.#tell({ ...pair, run: {}, seed: '', verdict: nothing(reason) })
  }

  /** On calls that meet: those that were found, or one that is drawn for the other. */
  async #aimed(one: Found, two: Found): Promise<Pair> {
    const near = nearest(one, two, this.#prepared.pool)
    const meeting =
      near.common > 0
        ? near
        : ((await this.#drawnFor(near.one, one, two)) ??
          (await this.#drawnFor(near.two, two, one).then(turned)) ??
          near)
    return together(
      { found: one, call: meeting.one },
      { found: two, call: meeting.two },
      this.#names,
    )
  }

  /** A call of `other` that meets this one of `own`. */
  async #drawnFor(call: FoundCall, own: Found, other: Found): Promise<Near | undefined> {
    const { ground, pool, tenant, learned } = this.#prepared
    const words = [...rowsOfCall(call, pool)].map((row) => row.slice(row.indexOf(' ') + 1))
    const random = new SeededRandom((this.#options.seed ?? DRAW_SEED) + own.command.name.length)
    const { calls } = await findCalls(other.command, {
      ...{ ground, pool, tenant, learned, random },
      focus: new Set(words),
      triesMax: FOCUS_TRIES_MAX,
      callsMax: 1,
    })
    if (calls.length === 0) return undefined
    const near = nearest({ ...own, calls: [call] }, { ...other, calls }, pool)
    return near.common > 0 ? near : undefined
  }

  async #prove(pair: Pair): Promise<void> {
    if (!this.#isWanted(pair)) return
    const { seed } = this.#prepared.ground
    const { schedulesMax = SCHEDULES_MAX, signal, keepGoing, onProgress } = this.#options
    const ended = this.#ended()
    if (ended !== undefined) return this.#tell({ ...pair, seed, verdict: nothing(ended) })
    const leftMs = this.#leftMs()
    const race = raceOf(this.#pairs, seed, pair.run)
    const verdict = await exploreRace(
      { ...race, schedulesMax },
      {
        arenas: this.#arenas,
        server: this.#options.server,
        ...(signal && { signal }),
        ...(keepGoing && { keepGoing }),
        ...(onProgress && { onProgress }),
        ...(leftMs !== undefined && { budgetMs: leftMs }),
      },
    )
    if (verdict.verdict !== 'VIOLATION') return this.#tell({ ...pair, seed, verdict })
    const least = await fewest(
      { run: pair.run, seed, verdict },
      {
        pairs: this.#pairs,
        registry: this.#prepared.ground.registry,
        rows: this.#prepared.rows,
        explore: { arenas: this.#arenas, server: this.#options.server, ...(signal && { signal }) },
      },
    )
    this.#tell({ ...pair, ...least })
  }

  #leftMs(): number | undefined {
    const { budgetMs } = this.#options
    return budgetMs === undefined
      ? undefined
      : budgetMs - (systemClock.monotonicMs() - this.#options.startMs)
  }

  /** Why no further pair is explored. */
  #ended(): string | undefined {
    if (this.#options.signal?.aborted) return 'Interrupted before it began.'
    if ((this.#leftMs() ?? 1) > 0) return undefined
    return `The budget of ${this.#options.budgetMs} ms is used up. Raise it, or name a pair or a command.`
  }

  #tell(pair: ExploredPair): void {
    this.#explored.push(pair)
    this.#options.onPair?.(pair)
  }
}

function turned(near: Near | undefined): Near | undefined {
  return near && { ...near, one: near.two, two: near.one }
}

function nothing(reason: string): Verdict {
  const explored = { commands: [], schedules: 0, pruned: 0, outcomes: [], durationMs: 0 }
  return { ...explored, verdict: 'INCONCLUSIVE', reason }
}
