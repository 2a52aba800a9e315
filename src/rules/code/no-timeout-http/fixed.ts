/** One bound for connecting, headers and body; a caller's own deadline may end it earlier. */
export async function isUp(
  origin: string,
  timeoutMs = 2_000,
  caller?: AbortSignal,
): Promise<boolean> {
  const bound = AbortSignal.timeout(timeoutMs)
  const signal = caller === undefined ? bound : AbortSignal.any([bound, caller])
  const response = await fetch(`${origin}/health`, { signal })
  return response.ok
}
