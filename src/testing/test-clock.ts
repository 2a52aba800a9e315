import { type Clock, systemClock } from '../base/clock.ts'

/** A clock that a test moves on. */
export interface TestClock extends Clock {
  /** Moves both clocks on and runs what is due, the earliest first. */
  advance(ms: number): void
  /** Timers that wait. */
  readonly pending: number
}

interface Timer {
  readonly atMs: number
  readonly callback: () => void
}

/** Time that stands still until the test moves it. */
export function testClock(startMs = Date.UTC(2026, 0, 31, 12)): TestClock {
  const timers = new Set<Timer>()
  let elapsedMs = 0
  const due = (untilMs: number) =>
    [...timers]
      .filter(({ atMs }) => atMs <= untilMs)
      .sort((left, right) => left.atMs - right.atMs)[0]
  return {
    now: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    after(delayMs, callback) {
      const timer = { atMs: elapsedMs + delayMs, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(ms) {
      const untilMs = elapsedMs + ms
      for (let timer = due(untilMs); timer !== undefined; timer = due(untilMs)) {
        timers.delete(timer)
        elapsedMs = Math.max(elapsedMs, timer.atMs)
        timer.callback()
      }
      elapsedMs = untilMs
    },
    get pending() {
      return timers.size
    },
  }
}

/**
 * Time that goes on by itself and that the test can move ahead: for whole apps, whose pauses between
 * two tries would never end on a clock that stands still.
 */
export function runningClock(startMs = systemClock.now()): TestClock {
  const timers = new Set<Timer & { readonly cancel: () => void }>()
  const startedMs = systemClock.monotonicMs()
  let aheadMs = 0
  const elapsedMs = () => systemClock.monotonicMs() - startedMs + aheadMs
  return {
    now: () => Math.floor(startMs + elapsedMs()),
    monotonicMs: elapsedMs,
    after(delayMs, callback) {
      const run = () => {
        if (timers.delete(timer)) callback()
      }
      const cancel = systemClock.after(delayMs, run)
      const timer = { atMs: elapsedMs() + delayMs, callback: run, cancel }
      timers.add(timer)
      return () => {
        cancel()
        timers.delete(timer)
      }
    },
    advance(ms) {
      aheadMs += ms
      const nowMs = elapsedMs()
      const due = [...timers].filter(({ atMs }) => atMs <= nowMs)
      for (const timer of due.sort((left, right) => left.atMs - right.atMs)) {
        timer.cancel()
        timer.callback()
      }
    },
    get pending() {
      return timers.size
    },
  }
}
