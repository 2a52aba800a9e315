import type { Queue } from 'bullmq'
import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

export async function placeOrder(db: Pool, queue: Queue, sku: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { rows } = await tx.query('INSERT INTO orders (sku) VALUES ($1) RETURNING id', [sku])
    await queue.add('order-placed', { order: rows[0].id })
    await tx.query('UPDATE stock SET quantity = quantity - 1 WHERE sku = $1', [sku])
  })
}
