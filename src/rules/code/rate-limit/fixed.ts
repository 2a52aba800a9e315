/** A bucket that fills as time passes: never more at once than it holds, `burst`. */
export function createLimit(
  quota: number,
  windowMs: number,
  nowMs: () => number,
  burst: number = quota,
) {
  let tokens = burst
  let atMs = nowMs()
  return (): boolean => {
    tokens = Math.min(burst, tokens + ((nowMs() - atMs) / windowMs) * quota)
    atMs = nowMs()
    if (tokens < 1) return false
    tokens -= 1
    return true
  }
}
