import type { Counter } from '@opentelemetry/api'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** The route as it is declared and the class of the status; who it was stands in the trace. */
export function count(counter: Counter, request: FastifyRequest, reply: FastifyReply): void {
  const route = request.routeOptions.url ?? 'unknown'
  counter.add(1, { route, status: `${Math.floor(reply.statusCode / 100)}xx` })
}
