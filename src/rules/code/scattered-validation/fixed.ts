import type { FastifyInstance } from 'fastify'
import type { Pool } from 'pg'
import { z } from 'zod'

/** The boundary says what an order is; behind it nobody asks again. */
const Order = z.strictObject({
  sku: z.string().regex(/^[A-Z0-9-]{3,20}$/),
  quantity: z.int().min(1).max(100),
})

export function routes(app: FastifyInstance, db: Pool): void {
  app.post('/orders', async (request, reply) => {
    const { data: order, error } = Order.safeParse(request.body)
    if (error) return reply.code(422).send({ title: 'No order', detail: z.prettifyError(error) })
    await db.query('INSERT INTO orders (sku, quantity) VALUES ($1, $2)', [
      order.sku,
      order.quantity,
    ])
    return reply.code(201).send()
  })
}
