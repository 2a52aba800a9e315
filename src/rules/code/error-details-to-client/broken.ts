import type { FastifyInstance } from 'fastify'

export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler<Error>((error, _request, reply) => {
    reply.code(500).send({ error: error.message, stack: error.stack })
  })
}
