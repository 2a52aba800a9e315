import { setTimeout } from 'node:timers/promises'

const TIMEOUT_MS = 5_000
const PAUSE_MS = 10

export async function charge(provider: string, order: string): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      const url = `${provider}/charges/${order}`
      const signal = AbortSignal.timeout(TIMEOUT_MS)
      return (await fetch(url, { method: 'POST', signal })).status
    } catch (error) {
      if (attempt === 3) throw error
      await setTimeout(PAUSE_MS * 2 ** attempt)
    }
  }
}
