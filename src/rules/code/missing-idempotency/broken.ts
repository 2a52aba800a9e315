import type { FastifyInstance } from 'fastify'
import type { Pool } from 'pg'

interface Refund {
  readonly order: number
  readonly cents: number
}

export function routes(app: FastifyInstance, db: Pool): void {
  app.post('/refunds', async (request) => {
    const { order, cents } = request.body as Refund
    const { rows } = await db.query(
      'INSERT INTO refunds (order_id, cents) VALUES ($1, $2) RETURNING id',
      [order, Math.trunc(cents)],
    )
    return { id: rows[0].id }
  })
}
