export interface Clock {
  nowMs(): number
  monotonicMs(): number
}

/** The wall clock is set back by a second, and the request has taken -0.9 s. */
export async function measured(clock: Clock, work: () => Promise<void>): Promise<number> {
  const startedMs = clock.nowMs()
  await work()
  return clock.nowMs() - startedMs
}
