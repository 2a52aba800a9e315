/**
 * The position up to which the log is complete (store.ts says why it is).
 *
 * States. none -> pending (a position, and the appenders that may still hold a smaller one) -> none.
 * A pending watermark is kept until its appenders have ended, however often it is asked for: a new
 * one each time might wait for a new appender each time.
 */
import { type Clock, pause } from '../../base/clock.ts'
import { runAsLoops } from '../../database/as-loops.ts'
import type { Pool } from '../../database/pool.ts'
import type { Rows } from '../../database/statement.ts'
import type { Log } from '../../runtime/log.ts'
import * as store from './store.ts'

interface Pending {
  readonly position: number
  readonly sinceMs: number
  /** By virtual transaction. */
  appenders: ReadonlyMap<string, number | null>
  toldMs: number
}

export interface WatermarkOptions {
  readonly pool: Pool
  readonly clock: Clock
  readonly log: Log
  /** An appender that is open for so long is named in the log, and again each time it is over. */
  readonly stallMs: number
}

/** A closing batch takes about as long as one flush to disk. */
const POLL_MS_MIN = 1
const POLL_MS_MAX = 50
/** Then the caller gets to do other things; it asks again. */
const WAIT_MS_MAX = 500

export class Watermark {
  readonly #options: WatermarkOptions
  #pending: Pending | undefined

  constructor(options: WatermarkOptions) {
    this.#options = options
  }

  /** Undefined while an appender keeps it open. */
  async read(signal: AbortSignal): Promise<number | undefined> {
    const { clock } = this.#options
    this.#pending ??= await this.#take()
    const pending = this.#pending
    const endMs = clock.monotonicMs() + WAIT_MS_MAX
    for (let pollMs = POLL_MS_MIN; pending.appenders.size > 0; pollMs = longer(pollMs)) {
      if (signal.aborted || clock.monotonicMs() >= endMs) return undefined
      await pause(clock, pollMs, signal)
      await this.#poll(pending)
    }
    this.#pending = undefined
    return pending.position
  }

  async #take(): Promise<Pending> {
    const { pool, clock } = this.#options
    // In this order: see store.ts.
    const [sequence, appenders] = await runAsLoops(pool, store.readSequence, store.listAppenders)
    const nowMs = clock.monotonicMs()
    const position = sequence?.rows[0]?.position as number
    return { position, sinceMs: nowMs, toldMs: nowMs, appenders: appendersIn(appenders) }
  }

  async #poll(pending: Pending): Promise<void> {
    const [rows] = await runAsLoops(this.#options.pool, store.listAppenders)
    const now = appendersIn(rows)
    pending.appenders = new Map([...pending.appenders].filter(([id]) => now.has(id)))
    const { clock, stallMs } = this.#options
    if (pending.appenders.size === 0 || clock.monotonicMs() - pending.toldMs < stallMs) return
    pending.toldMs = clock.monotonicMs()
    await this.#tell(pending)
  }

  async #tell(pending: Pending): Promise<void> {
    const { pool, log, clock } = this.#options
    const pids = [...pending.appenders.values()].filter((pid) => pid !== null)
    // Not as holdfast_loops: the login role sees the sessions of its own in full.
    const [rows] = await pool.run([store.describeProcesses(pids)])
    const stalledMs = Math.round(clock.monotonicMs() - pending.sinceMs)
    const prepared = pending.appenders.size - pids.length
    const fields = { stalledMs, position: pending.position, appenders: rows?.rows, prepared }
    log.warn(fields, 'An open transaction that has appended events holds up the subscriptions.')
  }
}

function appendersIn(rows: Rows | undefined): ReadonlyMap<string, number | null> {
  return new Map(rows?.rows.map((row) => [row.id as string, row.pid as number | null]))
}

function longer(pollMs: number): number {
  return Math.min(pollMs * 2, POLL_MS_MAX)
}
