/** The HTTP half of every peer: fastify with a JSON schema, an in-memory API key, no logging. */
import { fastify } from 'fastify'
import { answerReports, type PlaceBody, ready } from './fixture.ts'

export const PEER_KEY = 'peer-key-0123456789abcdef'
const CUSTOMER = 'cus_1'

export interface PlaceFacts extends PlaceBody {
  readonly customer: string
  readonly key: string
  readonly requestId: string
}

export class Refused extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export interface PeerHandlers {
  place(facts: PlaceFacts): Promise<unknown>
  page?(limit: number, before: { at: string; id: string } | undefined): Promise<unknown>
}

const bodySchema = {
  type: 'object',
  required: ['sku', 'quantity'],
  additionalProperties: false,
  properties: {
    sku: { type: 'string', maxLength: 40 },
    quantity: { type: 'integer', minimum: 1, maximum: 100 },
  },
}

export async function servePeer(handlers: PeerHandlers): Promise<void> {
  const app = fastify({ logger: false })
  app.addHook('onRequest', async (request, reply) => {
    if (request.headers.authorization !== `Bearer ${PEER_KEY}`) return reply.code(401).send()
  })
  app.post<{ Body: PlaceBody }>(
    '/v1/orders',
    { schema: { body: bodySchema } },
    async (request, reply) => {
      const key = String(request.headers['idempotency-key'] ?? '')
      try {
        const order = await handlers.place({
          ...request.body,
          customer: CUSTOMER,
          key,
          requestId: request.id,
        })
        return reply.code(201).send(order)
      } catch (error) {
        if (error instanceof Refused) return reply.code(error.status).send({ error: error.message })
        throw error
      }
    },
  )
  app.get<{ Querystring: { limit?: string; before_at?: string; before_id?: string } }>(
    '/v1/orders',
    async (request) => {
      const { limit = '20', before_at: at, before_id: id } = request.query
      return handlers.page?.(Number(limit), at && id ? { at, id } : undefined)
    },
  )
  answerReports()
  ready(await app.listen({ host: '127.0.0.1', port: 0 }), PEER_KEY)
}
