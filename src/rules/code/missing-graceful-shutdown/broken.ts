import type { EventEmitter } from 'node:events'
import type { FastifyInstance } from 'fastify'

/** Nobody listens for the signal: the platform ends the process in the middle of its requests. */
export async function run(
  app: FastifyInstance,
  port: number,
  _signals: EventEmitter,
  _exit: (code: number) => void,
): Promise<void> {
  app.get('/health/live', async () => 'pass')
  await app.listen({ host: '127.0.0.1', port })
}
