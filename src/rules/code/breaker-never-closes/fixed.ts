export type Call = () => Promise<string>

const OPEN_MS = 10_000

export function createClient(call: Call, nowMs: () => number) {
  let failures = 0
  let openUntilMs = 0
  return async (): Promise<string> => {
    if (failures >= 5 && nowMs() < openUntilMs) return 'fallback'
    openUntilMs = nowMs() + OPEN_MS
    try {
      const reply = await call()
      failures = 0
      return reply
    } catch {
      failures += 1
      return 'fallback'
    }
  }
}
