import type { Clock } from '../../base/clock.ts'

/** One time for all spans of a trace in this process: the wall clock is asked once, when it begins. */
export class TraceTime {
  readonly #clock: Clock
  readonly #epochMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#epochMs = clock.now() - clock.monotonicMs()
  }

  /** Milliseconds since the Unix epoch, with their fractions. Never goes back. */
  nowMs(): number {
    return this.#epochMs + this.#clock.monotonicMs()
  }
}
