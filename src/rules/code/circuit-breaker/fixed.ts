export type Call = () => Promise<string>

const FAILURES_MAX = 5
const OPEN_MS = 10_000

/** closed: calls go through. open: none does. half-open: one probe decides. */
export function createClient(call: Call, nowMs: () => number) {
  let failures = 0
  let probeAtMs = 0
  return async (): Promise<string> => {
    if (failures >= FAILURES_MAX && nowMs() < probeAtMs) return 'fallback'
    if (failures >= FAILURES_MAX) probeAtMs = nowMs() + OPEN_MS
    try {
      const reply = await call()
      failures = 0
      return reply
    } catch {
      failures += 1
      if (failures >= FAILURES_MAX) probeAtMs = nowMs() + OPEN_MS
      return 'fallback'
    }
  }
}
