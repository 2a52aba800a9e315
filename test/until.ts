import { pause, systemClock } from '../src/base/clock.ts'

/** Nothing that a test waits for takes so long unless it hangs. */
const PATIENCE_MS = 30_000
const POLL_MS = 10

/** Asks again and again until it is so; gives up by name. */
export async function until(
  what: string,
  isSo: () => Promise<boolean>,
  patienceMs: number = PATIENCE_MS,
): Promise<void> {
  const endMs = systemClock.monotonicMs() + patienceMs
  while (!(await isSo())) {
    if (systemClock.monotonicMs() > endMs) throw new Error(`Not within ${patienceMs} ms: ${what}`)
    await pause(systemClock, POLL_MS)
  }
}
