import type { FastifyInstance } from 'fastify'

/** The caller gets an id to name, the log gets the error under it. */
export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler<Error>((error, request, reply) => {
    request.log.error(error)
    reply
      .code(500)
      .send({ type: 'about:blank', title: 'Internal error', status: 500, instance: request.id })
  })
}
