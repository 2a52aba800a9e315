import type { Queue } from 'bullmq'
import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

/** A worker moves rows of the outbox into the queue; the queue itself is not asked here. */
export async function placeOrder(db: Pool, _queue: Queue, sku: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { rows } = await tx.query('INSERT INTO orders (sku) VALUES ($1) RETURNING id', [sku])
    await tx.query("INSERT INTO outbox (topic, order_id) VALUES ('order-placed', $1)", [rows[0].id])
    await tx.query('UPDATE stock SET quantity = quantity - 1 WHERE sku = $1', [sku])
  })
}
