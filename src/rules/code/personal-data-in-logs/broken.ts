import type { FastifyRequest } from 'fastify'
import type { Logger } from 'pino'

export function logRequest(log: Pick<Logger, 'info'>, request: FastifyRequest): void {
  log.info({ url: request.url, body: request.body }, 'request')
}
