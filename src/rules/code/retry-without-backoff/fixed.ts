import { randomInt } from 'node:crypto'

export type Pause = (ms: number) => Promise<void>

const TIMEOUT_MS = 1_000
const ATTEMPTS_MAX = 4
const BASE_MS = 100
const CAP_MS = 5_000

export async function read(url: string, pause: Pause): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      const reply = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
      return await reply.text()
    } catch (error) {
      if (attempt === ATTEMPTS_MAX) throw error
      await pause(randomInt(Math.min(CAP_MS, BASE_MS * 2 ** attempt)))
    }
  }
}
