import { setTimeout } from 'node:timers/promises'

const TIMEOUT_MS = 5_000
const PAUSE_MS = 10

/** A lost answer does not say whether the charge was made: the key makes asking again harmless. */
export async function charge(provider: string, order: string): Promise<number> {
  const headers = { 'idempotency-key': `charge-${order}` }
  for (let attempt = 1; ; attempt++) {
    try {
      const url = `${provider}/charges/${order}`
      const signal = AbortSignal.timeout(TIMEOUT_MS)
      return (await fetch(url, { method: 'POST', headers, signal })).status
    } catch (error) {
      if (attempt === 3) throw error
      await setTimeout(PAUSE_MS * 2 ** attempt)
    }
  }
}
