import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Whatever the path looked like, the route that was found says what it needs. */
export function routes(app: FastifyInstance, isAdmin: (request: FastifyRequest) => boolean): void {
  const needsAdmin = async (request: FastifyRequest, reply: FastifyReply) => {
    if (!isAdmin(request)) return reply.code(403).send()
  }
  app.get('/orders', async () => 'orders')
  app.get('/admin', { onRequest: needsAdmin }, async () => 'all customers')
}
