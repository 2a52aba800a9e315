/**
 * One base for everything that works in the background: relay, worker, rescuer, pruner.
 *
 * Terms. A *turn* is one bounded piece of work; two turns of a loop never overlap. `again` means
 * that more work is known to wait, `idle` that the loop may rest until its interval is over or
 * somebody wakes it.
 * States. stopped -> running -> stopping -> stopped. `start` and `stop` may be called in any state
 * and again; a start while stopping takes effect once the stop is through.
 * A turn that throws is logged and followed by a pause that grows; waking does not shorten it, or a
 * lost database would be asked by every commit.
 */
import { randomInt } from 'node:crypto'
import { type Backoff, backoffMs } from '../base/backoff.ts'
import { type Clock, pause } from '../base/clock.ts'
import type { Log } from './log.ts'

export type Turn = 'again' | 'idle'

/** What app and tests see of any loop. */
export interface Runnable {
  readonly name: string
  start(): void
  /** Resolves when nothing of the loop runs any more. */
  stop(): Promise<void>
  /** One turn now, errors included: the seam for tests. */
  runOnce(): Promise<Turn>
  /** There may be work: do not wait for the interval. */
  wake(): void
}

/** Hooks for tests; they cost nothing where they are not set. */
export interface LoopSignals {
  turnStarted?(): void
  turnEnded?(result: Turn | 'failed'): void
}

export interface LoopOptions {
  readonly name: string
  readonly clock: Clock
  readonly log: Log
  /** The longest rest between two turns, give or take a tenth so that processes do not march in step. */
  readonly intervalMs: number
  /** `signal` aborts when the loop is being stopped: end soon, leave nothing half done. */
  readonly turn: (signal: AbortSignal) => Promise<Turn>
  /** One more turn when it is stopped: what was gathered since the last is not lost. */
  readonly lastTurn?: boolean
  readonly signals?: LoopSignals | undefined
}

/** After a failed turn. The floor keeps full jitter from retrying at once. */
const FAILED_TURN: Backoff = { baseMs: 200, capMs: 15_000 }
const FAILED_TURN_MS_MIN = 100

export class Loop implements Runnable {
  readonly #options: LoopOptions
  #stopping: AbortController | undefined
  #cycling: Promise<void> = Promise.resolve()
  #lastTurn: Promise<unknown> = Promise.resolve()
  #woken = false
  #wakeUp: (() => void) | undefined

  constructor(options: LoopOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.name
  }

  start(): void {
    if (this.#stopping !== undefined) return
    const stopping = new AbortController()
    this.#stopping = stopping
    this.#cycling = this.#cycling.then(() => this.#cycle(stopping.signal))
  }

  stop(): Promise<void> {
    this.#stopping?.abort()
    this.#stopping = undefined
    return this.#cycling
  }

  runOnce(): Promise<Turn> {
    return this.#turn(this.#stopping?.signal ?? new AbortController().signal)
  }

  wake(): void {
    this.#woken = true
    this.#wakeUp?.()
  }

  async #cycle(signal: AbortSignal): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      this.#woken = false
      const result = await this.#guardedTurn(signal, failures)
      failures = result === 'failed' ? failures + 1 : 0
      if (result === 'failed') await pause(this.#options.clock, failedTurnMs(failures), signal)
      if (result === 'idle') await this.#rest(signal)
    }
    if (this.#options.lastTurn === true) await this.#guardedTurn(new AbortController().signal, 0)
  }

  async #guardedTurn(signal: AbortSignal, failures: number): Promise<Turn | 'failed'> {
    try {
      return await this.#turn(signal)
    } catch (error) {
      if (signal.aborted) return 'idle'
      const { name, log } = this.#options
      log.error({ loop: name, error, failures: failures + 1 }, 'A turn of a loop failed.')
      return 'failed'
    }
  }

  #turn(signal: AbortSignal): Promise<Turn> {
    const turn = this.#lastTurn.then(() => this.#signalledTurn(signal))
    this.#lastTurn = turn.catch(() => {})
    return turn
  }

  async #signalledTurn(signal: AbortSignal): Promise<Turn> {
    const { signals, turn } = this.#options
    signals?.turnStarted?.()
    let result: Turn | 'failed' = 'failed'
    try {
      result = await turn(signal)
      return result
    } finally {
      signals?.turnEnded?.(result)
    }
  }

  /** A wake during the turn may have come after the turn looked: then there is no rest. */
  async #rest(signal: AbortSignal): Promise<void> {
    if (this.#woken) return
    const resting = new AbortController()
    this.#wakeUp = () => resting.abort()
    signal.addEventListener('abort', this.#wakeUp, { once: true })
    if (!signal.aborted) {
      await pause(this.#options.clock, restMs(this.#options.intervalMs), resting.signal)
    }
    signal.removeEventListener('abort', this.#wakeUp)
    this.#wakeUp = undefined
  }
}

function restMs(intervalMs: number): number {
  return (intervalMs * randomInt(90, 111)) / 100
}

function failedTurnMs(failures: number): number {
  return Math.max(FAILED_TURN_MS_MIN, backoffMs(FAILED_TURN, failures))
}

/**
 * Start and stop of what is more than one loop: they take effect one after the other, in the order
 * in which they were asked for, and each may be asked for again.
 */
export class Lifecycle {
  readonly #begin: () => void
  readonly #end: () => Promise<void>
  #wanted = false
  #last: Promise<void> = Promise.resolve()

  /** `end` may find that nothing was begun, or everything ended already. */
  constructor(begin: () => void, end: () => Promise<void>) {
    this.#begin = begin
    this.#end = end
  }

  start(): void {
    if (this.#wanted) return
    this.#wanted = true
    this.#last = this.#last.then(this.#begin)
  }

  stop(): Promise<void> {
    this.#wanted = false
    this.#last = this.#last.then(this.#end)
    return this.#last
  }
}
