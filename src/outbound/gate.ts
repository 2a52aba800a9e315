/**
 * What stands before a dependency: places for so many requests, a short line for more, and a breaker
 * that closes the way when too many of the last calls have failed.
 *
 * States of the breaker. closed -> open -> half-open -> closed, or open again: after `openMs` one
 * call is let through, and its end decides for those that came meanwhile.
 */
import { AsyncResource } from 'node:async_hooks'
import {
  BrokenCircuitError,
  type BulkheadPolicy,
  BulkheadRejectedError,
  bulkhead,
  type CircuitBreakerPolicy,
  CircuitState,
  CountBreaker,
  circuitBreaker,
  handleWhen,
  TaskCancelledError,
} from 'cockatiel'
import type { BreakerState } from './outbound-event.ts'

export interface BreakerOptions {
  /** Open once so many of the last calls have failed, in percent. */
  readonly failurePercent: number
  /** How many of the last calls count. */
  readonly calls: number
  readonly openMs: number
}

export interface GateOptions {
  readonly breaker: BreakerOptions
  readonly concurrencyMax: number
  readonly waitingMax: number
  /** Whether an error says that the dependency is in trouble. */
  isFailure(error: unknown): boolean
  onBreaker(state: BreakerState): void
}

/** Why a call was not let through. */
export type Closed = 'open' | 'full'

export class Gate {
  readonly #breaker: CircuitBreakerPolicy
  readonly #bulkhead: BulkheadPolicy
  readonly #options: GateOptions

  constructor(options: GateOptions) {
    const { breaker, concurrencyMax, waitingMax } = options
    this.#options = options
    this.#bulkhead = bulkhead(concurrencyMax, waitingMax)
    this.#breaker = circuitBreaker(
      handleWhen((error) => options.isFailure(error)),
      {
        halfOpenAfter: breaker.openMs,
        // The library asks for more than the threshold, the option says from it on.
        breaker: new CountBreaker({
          threshold: (breaker.failurePercent - 0.5) / 100,
          size: breaker.calls,
        }),
      },
    )
    this.#breaker.onStateChange((state) => options.onBreaker(stateOf(state)))
  }

  get breaker(): BreakerState {
    return stateOf(this.#breaker.state)
  }

  get inFlight(): number {
    return this.#options.concurrencyMax - this.#bulkhead.executionSlots
  }

  get waiting(): number {
    return this.#options.waitingMax - this.#bulkhead.queueSlots
  }

  /** Runs `work` when there is a place; gives why it was not run where it was not. */
  async pass<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | Closed> {
    // Whoever waited is called by whoever has ended: in the context of that one, but for this.
    const own = AsyncResource.bind(work)
    try {
      return await this.#bulkhead.execute(() => this.#breaker.execute(() => own(), signal), signal)
    } catch (error) {
      if (error instanceof BulkheadRejectedError) return 'full'
      if (error instanceof BrokenCircuitError) return 'open'
      if (error instanceof TaskCancelledError) throw signal.reason
      throw error
    }
  }
}

function stateOf(state: CircuitState): BreakerState {
  if (state === CircuitState.Closed) return 'closed'
  return state === CircuitState.HalfOpen ? 'half-open' : 'open'
}
