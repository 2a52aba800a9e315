import type { FastifyRequest } from 'fastify'
import type { Logger } from 'pino'

const LOGGED = ['orderId', 'sku', 'quantity']

/** A list of what may be logged: a new field is hidden until somebody allows it. */
export function logRequest(log: Pick<Logger, 'info'>, request: FastifyRequest): void {
  const fields = Object.entries(request.body as object)
  const shown = fields.map(([name, value]) => [name, LOGGED.includes(name) ? value : '[hidden]'])
  log.info({ url: request.url, body: Object.fromEntries(shown) }, 'request')
}
