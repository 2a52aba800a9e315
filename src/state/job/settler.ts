/**
 * Writes down how jobs ended, many at a time: what is handed over while one batch is on its way
 * travels with the next. A batch that fails is sent again until the database takes it; who hands over
 * waits so long, which keeps a worker from taking on more than it can settle.
 *
 * Sending twice does no harm: every statement names the lease, and a lease ends once.
 */
import { type Backoff, backoffMs } from '../../base/backoff.ts'
import { type Clock, pause } from '../../base/clock.ts'
import { runAsLoops } from '../../database/as-loops.ts'
import type { Pool } from '../../database/pool.ts'
import type { Rows, Statement } from '../../database/statement.ts'
import type { Log } from '../../runtime/log.ts'
import * as store from './store.ts'

export type Settlement =
  | { readonly kind: 'done'; readonly lease: number }
  | ({ readonly kind: 'postponed' } & store.Postponement)
  | ({ readonly kind: 'buried' } & store.Burial)

/** `settled`, or `lost`: the lease had ended before, and nothing was moved. */
export type Settled = 'settled' | 'lost'

interface Entry {
  readonly settlement: Settlement
  readonly resolve: (settled: Settled) => void
}

export interface SettlerOptions {
  readonly pool: Pool
  readonly clock: Clock
  readonly log: Log
  /** Names of jobs whose death another job follows. */
  readonly followed?: readonly string[]
}

/** Arrays of this length are sent in one statement; more wait for the next batch. */
const BATCH_MAX = 1_000
const FAILED_BATCH: Backoff = { baseMs: 100, capMs: 5_000 }

export class Settler {
  readonly #options: SettlerOptions
  readonly #queue: Entry[] = []
  #sending: Promise<void> | undefined
  readonly #abandoned = new AbortController()

  constructor(options: SettlerOptions) {
    this.#options = options
  }

  settle(settlement: Settlement): Promise<Settled> {
    return new Promise((resolve) => {
      this.#queue.push({ settlement, resolve })
      this.#sending ??= this.#send()
    })
  }

  /** From now on whatever the database does not take is given up: the leases will run out. */
  abandon(): void {
    this.#abandoned.abort()
  }

  async #send(): Promise<void> {
    // One tick, so that jobs that end together are settled together.
    await new Promise(setImmediate)
    const { signal } = this.#abandoned
    for (let failures = 0; this.#queue.length > 0; ) {
      // One by one after a failure, the failed one last: none can hold up the others.
      const entries = this.#queue.splice(0, failures === 0 ? BATCH_MAX : 1)
      const held = await this.#held(entries, failures, signal)
      failures = held === undefined ? failures + 1 : 0
      if (held === undefined) this.#queue.push(...entries)
      else answer(entries, held)
    }
    this.#sending = undefined
  }

  /** The leases that were still held; undefined where the batch has to be sent again. */
  async #held(
    entries: readonly Entry[],
    failures: number,
    signal: AbortSignal,
  ): Promise<ReadonlySet<unknown> | undefined> {
    const { pool, followed = [] } = this.#options
    try {
      return leasesIn(await runAsLoops(pool, ...statementsFor(entries, followed)))
    } catch (error) {
      if (signal.aborted) return new Set()
      const { log, clock } = this.#options
      log.error({ error, jobs: entries.length }, 'Ended jobs could not be settled; trying again.')
      await pause(clock, backoffMs(FAILED_BATCH, failures), signal)
      return undefined
    }
  }
}

function answer(entries: readonly Entry[], held: ReadonlySet<unknown>): void {
  for (const { settlement, resolve } of entries) {
    resolve(held.has(settlement.lease) ? 'settled' : 'lost')
  }
}

function statementsFor(
  entries: readonly Entry[],
  followed: readonly string[],
): readonly Statement[] {
  const done: number[] = []
  const postponed: store.Postponement[] = []
  const buried: store.Burial[] = []
  for (const { settlement } of entries) {
    if (settlement.kind === 'done') done.push(settlement.lease)
    else if (settlement.kind === 'postponed') postponed.push(settlement)
    else buried.push(settlement)
  }
  return [
    ...(done.length > 0 ? [store.complete(done)] : []),
    ...(postponed.length > 0 ? [store.postpone(postponed)] : []),
    ...(buried.length > 0 ? [store.bury(buried, followed)] : []),
  ]
}

function leasesIn(results: readonly Rows[]): ReadonlySet<unknown> {
  return new Set(results.flatMap((result) => result.rows.map((row) => row.lease)))
}
