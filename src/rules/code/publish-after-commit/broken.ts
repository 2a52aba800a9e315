import type { Queue } from 'bullmq'
import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

/** Between COMMIT and the queue there is room for a crash, a deploy, a broker that is down. */
export async function placeOrder(db: Pool, queue: Queue, sku: string): Promise<void> {
  const id = await inTransaction(db, async (tx) => {
    const { rows } = await tx.query('INSERT INTO orders (sku) VALUES ($1) RETURNING id', [sku])
    return rows[0].id
  })
  await queue.add('order-placed', { order: id })
}
