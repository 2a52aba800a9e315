/**
 * The scope: who asks and under which conditions, as data.
 *
 * Terms. The *deadline* is a moment of the monotonic clock. The *signal* aborts when the caller
 * has gone away or the deadline has passed, whichever is first; it is made when somebody asks for
 * it, because most requests end before either and a timer per request is not free.
 * States. open -> (aborted) -> closed. A closed scope never aborts any more.
 */
import type { Clock } from '../base/clock.ts'
import { HoldfastError } from '../base/fault.ts'
import type { Principal } from '../base/principal.ts'
import { WorkMeter } from './telemetry/work-meter.ts'
import type { TraceContext } from './trace-context.ts'

export type { TraceContext } from './trace-context.ts'

/** Until when a piece of work has time. */
export interface Deadline {
  /** A moment of `clock.monotonicMs()`. */
  readonly atMs: number
  remainingMs(): number
  readonly passed: boolean
}

/** What the opening batch checks again, so that a revoked credential stops at once. */
export interface Credential {
  readonly kind: 'api-key'
  readonly id: string
}

/**
 * Who asks and under which conditions. It holds for one request, one attempt at a job or one
 * delivery.
 */
export interface Scope {
  readonly principal: Principal
  readonly tenant: string
  readonly requestId: string
  readonly trace: TraceContext
  readonly deadline: Deadline
  /** Aborts when the caller has gone away (HF_CANCELLED) or the deadline passed (HF_DEADLINE_EXCEEDED). */
  readonly signal: AbortSignal
  readonly idempotencyKey?: string
  readonly credential?: Credential
  readonly clock: Clock
  /** What the work has cost so far; shared by the scopes that are made from this one. */
  readonly meter: WorkMeter
}

/** A timer may fire this early by the monotonic clock; whoever sees the signal must see the deadline passed. */
const TIMER_SLACK_MS = 1

/** Tells when the caller has gone away; returns the way to stop listening. */
export type CallerGone = (onGone: () => void) => () => void

export interface ScopeFacts {
  readonly principal: Principal
  readonly requestId: string
  readonly trace: TraceContext
  readonly deadline: Deadline
  readonly clock: Clock
  readonly idempotencyKey?: string | undefined
  readonly credential?: Credential | undefined
  readonly callerGone?: CallerGone | undefined
  /** Where something was counted before the scope was opened. */
  readonly meter?: WorkMeter | undefined
}

export class OpenScope implements Scope {
  readonly principal: Principal
  readonly requestId: string
  readonly trace: TraceContext
  readonly deadline: Deadline
  readonly clock: Clock
  readonly meter: WorkMeter
  declare readonly idempotencyKey?: string
  declare readonly credential?: Credential
  readonly #callerGone: CallerGone | undefined
  #controller: AbortController | undefined
  #release: (() => void) | undefined
  #closed = false

  constructor(facts: ScopeFacts) {
    this.principal = facts.principal
    this.requestId = facts.requestId
    this.trace = facts.trace
    this.deadline = facts.deadline
    this.clock = facts.clock
    this.meter = facts.meter ?? new WorkMeter()
    if (facts.idempotencyKey !== undefined) this.idempotencyKey = facts.idempotencyKey
    if (facts.credential !== undefined) this.credential = facts.credential
    this.#callerGone = facts.callerGone
  }

  get tenant(): string {
    return this.principal.tenant
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#listen()
    return this.#controller.signal
  }

  /** Ends the timer and the listening. Idempotent. */
  close(): void {
    this.#closed = true
    this.#release?.()
    this.#release = undefined
  }

  #listen(): AbortController {
    const controller = new AbortController()
    if (this.#closed) return controller
    const remainingMs = this.deadline.remainingMs()
    if (remainingMs <= 0) {
      controller.abort(new HoldfastError('HF_DEADLINE_EXCEEDED'))
      return controller
    }
    const stopTimer = this.clock.after(Math.ceil(remainingMs) + TIMER_SLACK_MS, () => {
      controller.abort(new HoldfastError('HF_DEADLINE_EXCEEDED'))
    })
    const stopListening = this.#callerGone?.(() => {
      controller.abort(new HoldfastError('HF_CANCELLED'))
    })
    this.#release = () => {
      stopTimer()
      stopListening?.()
    }
    return controller
  }
}

interface ScopeChanges {
  readonly idempotencyKey?: string
  readonly trace?: TraceContext
}

/** The same scope under another key, or as part of another span: its signal stays one. */
export function scopeWith(scope: Scope, changes: ScopeChanges): Scope {
  return new ChangedScope(scope, changes)
}

/** A class, for a literal with a getter costs as much as twenty plain ones. */
class ChangedScope implements Scope {
  readonly principal: Principal
  readonly tenant: string
  readonly requestId: string
  readonly trace: TraceContext
  readonly deadline: Deadline
  readonly clock: Clock
  readonly meter: WorkMeter
  declare readonly idempotencyKey?: string
  declare readonly credential?: Credential
  readonly #scope: Scope

  constructor(scope: Scope, changes: ScopeChanges) {
    const idempotencyKey = changes.idempotencyKey ?? scope.idempotencyKey
    this.principal = scope.principal
    this.tenant = scope.tenant
    this.requestId = scope.requestId
    this.trace = changes.trace ?? scope.trace
    this.deadline = scope.deadline
    this.clock = scope.clock
    this.meter = scope.meter
    if (idempotencyKey !== undefined) this.idempotencyKey = idempotencyKey
    if (scope.credential !== undefined) this.credential = scope.credential
    this.#scope = scope
  }

  get signal(): AbortSignal {
    return this.#scope.signal
  }
}

class MonotonicDeadline implements Deadline {
  readonly atMs: number
  readonly #clock: Clock

  constructor(clock: Clock, atMs: number) {
    this.#clock = clock
    this.atMs = atMs
  }

  remainingMs(): number {
    return Math.max(0, this.atMs - this.#clock.monotonicMs())
  }

  get passed(): boolean {
    return this.#clock.monotonicMs() >= this.atMs
  }
}

/** A deadline `timeoutMs` from now. */
export function deadlineAfter(clock: Clock, timeoutMs: number): Deadline {
  return new MonotonicDeadline(clock, clock.monotonicMs() + timeoutMs)
}
