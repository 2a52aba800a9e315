import type { FastifyInstance } from 'fastify'
import type { Pool } from 'pg'

/** Each layer looks a little, none at everything; -1 reaches the database. */
export function routes(app: FastifyInstance, db: Pool): void {
  app.post('/orders', async (request, reply) => {
    const { sku, quantity } = request.body as { sku?: string; quantity: number }
    if (!sku) return reply.code(422).send({ title: 'sku is missing' })
    await db.query('INSERT INTO orders (sku, quantity) VALUES ($1, $2)', [sku, quantity])
    return reply.code(201).send()
  })
}
