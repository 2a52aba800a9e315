export type Call = () => Promise<string>

export function createClient(call: Call, _nowMs: () => number) {
  let failures = 0
  return async (): Promise<string> => {
    if (failures >= 5) return 'fallback'
    try {
      return await call()
    } catch {
      failures += 1
      return 'fallback'
    }
  }
}
