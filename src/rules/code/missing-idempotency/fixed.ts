import type { FastifyInstance } from 'fastify'
import type { Pool } from 'pg'
import { z } from 'zod'

const Refund = z.strictObject({ order: z.int(), cents: z.int().min(1) })

/** `refunds.key` is unique: a retry finds the refund of the first attempt. */
export function routes(app: FastifyInstance, db: Pool): void {
  app.post('/refunds', async (request, reply) => {
    const key = request.headers['idempotency-key']
    if (typeof key !== 'string') return reply.code(400).send({ title: 'Send Idempotency-Key' })
    const { order, cents } = Refund.parse(request.body)
    await db.query(
      'INSERT INTO refunds (key, order_id, cents) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING',
      [key, order, cents],
    )
    const { rows } = await db.query('SELECT id, order_id, cents FROM refunds WHERE key = $1', [key])
    const [first] = rows
    if (first.order_id !== order || first.cents !== cents)
      return reply.code(422).send({ title: 'The key was used for another refund' })
    return { id: first.id }
  })
}
