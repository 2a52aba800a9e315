/**
 * One attempt at one job.
 *
 * States. running -> ended. It ends when its handler does, or, once aborted (timeout, lease lost,
 * worker stopping), a grace later, whether the handler heeds its signal or not: what a handler does
 * after that meets the fence.
 */
import { type Backoff, backoffMs } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import { HoldfastError, isFault } from '../../base/fault.ts'
import { fencedAsLoops } from '../../database/as-loops.ts'
import { hasState, sqlstate } from '../../database/sqlstate.ts'
import type { Statement } from '../../database/statement.ts'
import { runAbortable } from '../../runtime/abortable.ts'
import { completeOrRaise, type Job } from './store.ts'

export interface JobTurn {
  /**
   * For a job that runs in a transaction: statements for its closing batch, before any that appends
   * events. They complete the job, or raise HF003 where another worker has it by now.
   */
  readonly closing: readonly Statement[]
  /** Aborts at the timeout, when the lease is lost, and when the worker has waited long enough to stop. */
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/** How the jobs of one name are run; handed in by whoever wires the app. */
export interface JobHandler {
  readonly name: string
  /** `run`: one transaction that takes `closing` along. `act`: none; it is completed afterwards. */
  readonly kind: 'run' | 'act'
  readonly timeoutMs: number
  readonly backoff: Backoff
  handle(job: Job, turn: JobTurn): Promise<void>
}

export type Ending =
  /** `settled`: by the handler's own transaction. */
  | { readonly kind: 'done'; readonly settled: boolean }
  /** Another worker has the job, or will have it. Nothing of this attempt was kept in the database. */
  | { readonly kind: 'lost' }
  /** Not the job's fault, and not counted. */
  | { readonly kind: 'released'; readonly delayMs: number; readonly reason: string }
  | { readonly kind: 'failed'; readonly delayMs: number; readonly error: unknown }

/** Time to react to the signal; then the slot is needed for others. */
const ABORT_GRACE_MS = 1_000
/** A process that lacks the handler is being replaced, or its database is away. */
const UNKNOWN_NAME_DELAY_MS = 10_000
const UNAVAILABLE_DELAY_MS = 1_000

/** Beside its timeout. */
export type AbortCause = 'lost' | 'stopping'

export class Attempt {
  readonly job: Job
  readonly #handler: JobHandler | undefined
  readonly #clock: Clock
  readonly #controller = new AbortController()
  #cause: AbortCause | undefined
  /** Resolves when the worker is through with it; set by the worker. */
  finished: Promise<void> = Promise.resolve()

  constructor(job: Job, handler: JobHandler | undefined, clock: Clock) {
    this.job = job
    this.#handler = handler
    this.#clock = clock
  }

  abort(cause: AbortCause): void {
    this.#cause ??= cause
    this.#controller.abort(faultOf(this.#cause, this.job))
  }

  async run(): Promise<Ending> {
    const handler = this.#handler
    if (handler === undefined) {
      const reason = 'This process has no handler for the job.'
      return { kind: 'released', delayMs: UNKNOWN_NAME_DELAY_MS, reason }
    }
    try {
      await this.#handle(handler)
      return { kind: 'done', settled: handler.kind === 'run' }
    } catch (error) {
      return this.#judge(error, handler)
    }
  }

  #handle(handler: JobHandler): Promise<void> {
    const { timeoutMs } = handler
    const controller = this.#controller
    const timeoutFault = () => faultOf(undefined, this.job)
    const limits = {
      clock: this.#clock,
      controller,
      timeoutMs,
      timeoutFault,
      graceMs: ABORT_GRACE_MS,
    }
    const closing = handler.kind === 'run' ? fencedAsLoops(completeOrRaise(this.job)) : []
    const turn = { closing, signal: controller.signal, timeoutMs }
    return runAbortable(limits, async () => handler.handle(this.job, turn))
  }

  #judge(error: unknown, handler: JobHandler): Ending {
    if (this.#cause === 'lost' || isLeaseLost(error)) return { kind: 'lost' }
    if (this.#cause === 'stopping') {
      return { kind: 'released', delayMs: 0, reason: 'The worker was stopped.' }
    }
    if (isFault(error, 'HF_DATABASE_UNAVAILABLE') || isFault(error, 'HF_POOL_EXHAUSTED')) {
      return { kind: 'released', delayMs: UNAVAILABLE_DELAY_MS, reason: errorText(error) }
    }
    const delayMs = backoffMs(handler.backoff, this.job.attempt)
    const { aborted, reason } = this.#controller.signal
    return { kind: 'failed', delayMs, error: aborted ? reason : error }
  }
}

function faultOf(cause: AbortCause | undefined, job: Job): HoldfastError {
  if (cause === 'lost') return new HoldfastError('HF_LEASE_LOST')
  if (cause === 'stopping') return new HoldfastError('HF_CANCELLED', 'The worker is being stopped.')
  return new HoldfastError('HF_DEADLINE_EXCEEDED', `Job ${job.name} took longer than its timeout.`)
}

/** However often it was wrapped on its way here. */
export function isLeaseLost(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isFault(at, 'HF_LEASE_LOST') || hasState(at, sqlstate.leaseLost)) return true
  }
  return false
}

const ERROR_LENGTH_MAX = 2_000

/** As it is kept with the job. Postgres text cannot hold a NUL. */
export function errorText(error: unknown): string {
  return String(error).replaceAll('\0', '').slice(0, ERROR_LENGTH_MAX)
}
