/** A bucket that fills as time passes: never more than the quota at once, nor over any window. */
export function createLimit(quota: number, windowMs: number, nowMs: () => number) {
  let tokens = quota
  let atMs = nowMs()
  return (): boolean => {
    tokens = Math.min(quota, tokens + ((nowMs() - atMs) / windowMs) * quota)
    atMs = nowMs()
    if (tokens < 1) return false
    tokens -= 1
    return true
  }
}
