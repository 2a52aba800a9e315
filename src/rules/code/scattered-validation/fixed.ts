import { z } from 'zod'

/** The boundary says what an order is; behind it nobody asks again. */
const Order = z.strictObject({
  sku: z.string().regex(/^[A-Z0-9-]{3,20}$/),
  quantity: z.int().min(1).max(100),
})

export function parseOrder(body: unknown) {
  return Order.parse(body)
}
