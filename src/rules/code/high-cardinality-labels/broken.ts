import type { Counter } from '@opentelemetry/api'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** One series per user and path: 50,000 users are 50,000 series in every process. */
export function count(counter: Counter, request: FastifyRequest, reply: FastifyReply): void {
  const userId = request.headers['x-user-id']
  counter.add(1, { path: request.url, userId: String(userId), status: reply.statusCode })
}
