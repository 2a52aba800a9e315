import type { FastifyInstance } from 'fastify'

export interface Login {
  readonly email: string
  readonly password: string
}

export function routes(
  app: FastifyInstance,
  isGood: (login: Login) => boolean,
  _nowMs: () => number,
): void {
  app.post('/login', async (request, reply) => {
    const login = request.body as Login
    return reply.code(isGood(login) ? 200 : 401).send()
  })
}
