import type { FastifyInstance, FastifyRequest } from 'fastify'

/** The gate reads the raw path, the router another form of it. */
export function routes(app: FastifyInstance, isAdmin: (request: FastifyRequest) => boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith('/admin') && !isAdmin(request)) return reply.code(403).send()
  })
  app.get('/orders', async () => 'orders')
  app.get('/admin', async () => 'all customers')
}
