export type Handler = (signal: AbortSignal) => Promise<string>

/** The answer comes in time whatever the handler does, and the handler is told to stop. */
export async function serve(
  handler: Handler,
  timeoutMs = 10_000,
): Promise<{ status: number; body: string }> {
  const signal = AbortSignal.timeout(timeoutMs)
  const late = new Promise<string>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  try {
    return { status: 200, body: await Promise.race([handler(signal), late]) }
  } catch (error) {
    if (signal.aborted) return { status: 503, body: 'took too long' }
    throw error
  }
}
