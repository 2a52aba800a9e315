import type { FastifyInstance } from 'fastify'

export interface Login {
  readonly email: string
  readonly password: string
}

const FAILURES_MAX = 5
const WINDOW_MS = 15 * 60_000

/** Counted by account, whatever address the tries come from. */
function createLimiter(nowMs: () => number) {
  const failed = new Map<string, number[]>()
  const recent = (account: string) =>
    (failed.get(account) ?? []).filter((at) => nowMs() - at < WINDOW_MS)
  return {
    isFull: (account: string) => recent(account).length >= FAILURES_MAX,
    count: (account: string) => void failed.set(account, [...recent(account), nowMs()]),
  }
}

/** In one process; with several of them the failures stand in a shared store. */
export function routes(
  app: FastifyInstance,
  isGood: (login: Login) => boolean,
  nowMs: () => number,
): void {
  const limiter = createLimiter(nowMs)
  app.post('/login', async (request, reply) => {
    const login = request.body as Login
    const account = login.email.toLowerCase()
    if (limiter.isFull(account)) return reply.code(429).send()
    if (isGood(login)) return reply.code(200).send()
    limiter.count(account)
    return reply.code(401).send()
  })
}
