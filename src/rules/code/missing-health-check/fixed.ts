import type { FastifyInstance } from 'fastify'

export async function serve(
  app: FastifyInstance,
  port: number,
  isReady: () => Promise<boolean>,
): Promise<void> {
  app.get('/orders', async () => [])
  app.get('/health/live', async () => 'pass')
  app.get('/health/ready', async (_request, reply) =>
    reply.code((await isReady()) ? 200 : 503).send(),
  )
  process.once('SIGTERM', () => void app.close())
  await app.listen({ host: '127.0.0.1', port })
}
