export type Call = () => Promise<string>

/** Whatever the state of the other side, each request waits for its own timeout. */
export function createClient(call: Call, _nowMs: () => number) {
  return async (): Promise<string> => {
    try {
      return await call()
    } catch {
      return 'fallback'
    }
  }
}
