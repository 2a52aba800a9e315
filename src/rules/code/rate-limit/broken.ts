/** A window that starts anew lets twice the quota through around its edge. */
export function createLimit(quota: number, windowMs: number, nowMs: () => number) {
  let window = 0
  let used = 0
  return (): boolean => {
    const current = Math.floor(nowMs() / windowMs)
    if (current !== window) used = 0
    window = current
    used += 1
    return used <= quota
  }
}
