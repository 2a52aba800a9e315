import type { Pool } from 'pg'

export type Publish = (topic: string, order: number) => Promise<void>

export async function placeOrder(db: Pool, publish: Publish, sku: string): Promise<number> {
  const { rows } = await db.query('INSERT INTO orders (sku) VALUES ($1) RETURNING id', [sku])
  await publish('order-placed', rows[0].id)
  return rows[0].id
}
