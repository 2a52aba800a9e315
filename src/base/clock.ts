/** Time as a value that is handed in, so that tests own it. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. */
  now(): number
  /** Never goes back; milliseconds from an arbitrary start. For durations and deadlines. */
  monotonicMs(): number
  /** Calls back after at least `delayMs`; returns the way to cancel. Does not keep the process alive. */
  after(delayMs: number, callback: () => void): () => void
}

/** setTimeout overflows to 1 ms above this (Node documentation, timers). */
const TIMER_MS_MAX = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, TIMER_MS_MAX))
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Waits `delayMs`, or less if the signal aborts (then it resolves too: the caller looks at the signal). */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      cancel()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(delayMs, end)
    signal?.addEventListener('abort', end, { once: true })
  })
}
