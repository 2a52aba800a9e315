import type { EventEmitter } from 'node:events'
import type { FastifyInstance } from 'fastify'

export async function run(
  app: FastifyInstance,
  port: number,
  signals: EventEmitter,
  exit: (code: number) => void,
): Promise<void> {
  app.get('/health/live', async () => 'pass')
  for (const signal of ['SIGTERM', 'SIGINT'])
    signals.once(signal, () => {
      app.close().then(
        () => exit(0),
        () => exit(1),
      )
    })
  await app.listen({ host: '127.0.0.1', port })
}
