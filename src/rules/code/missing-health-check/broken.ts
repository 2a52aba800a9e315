import type { FastifyInstance } from 'fastify'

export async function serve(
  app: FastifyInstance,
  port: number,
  _isReady: () => Promise<boolean>,
): Promise<void> {
  app.get('/orders', async () => [])
  process.once('SIGTERM', () => void app.close())
  await app.listen({ host: '127.0.0.1', port })
}
