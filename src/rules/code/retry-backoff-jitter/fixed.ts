import { randomInt } from 'node:crypto'

export type Pause = (ms: number) => Promise<void>

interface Reply {
  readonly status: number
}

const TRANSIENT = [408, 429, 502, 503, 504]
/** One retry for ten calls, and a few at the start: what is down is not asked twice as often. */
const budget = { tokens: 10, perCall: 0.1, max: 10 }

export async function call(send: () => Promise<Reply>, pause: Pause): Promise<Reply> {
  budget.tokens = Math.min(budget.max, budget.tokens + budget.perCall)
  let reply = await send()
  for (let attempt = 1; attempt <= 3 && TRANSIENT.includes(reply.status); attempt++) {
    if (budget.tokens < 1) return reply
    budget.tokens -= 1
    await pause(randomInt(Math.min(5_000, 250 * 2 ** attempt)))
    reply = await send()
  }
  return reply
}
