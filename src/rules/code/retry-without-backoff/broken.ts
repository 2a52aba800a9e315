export type Pause = (ms: number) => Promise<void>

export async function send(call: () => Promise<string>, _pause: Pause): Promise<string> {
  for (;;) {
    try {
      return await call()
    } catch {
      // try again
    }
  }
}
