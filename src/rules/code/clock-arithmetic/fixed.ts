export interface Clock {
  nowMs(): number
  monotonicMs(): number
}

/** Durations and deadlines by the clock that only goes forward: performance.now(). */
export async function measured(clock: Clock, work: () => Promise<void>): Promise<number> {
  const startedMs = clock.monotonicMs()
  await work()
  return clock.monotonicMs() - startedMs
}
