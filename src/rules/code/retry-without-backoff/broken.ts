export type Pause = (ms: number) => Promise<void>

const TIMEOUT_MS = 1_000

export async function read(url: string, _pause: Pause): Promise<string> {
  for (;;) {
    try {
      const reply = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
      return await reply.text()
    } catch {
      // try again
    }
  }
}
