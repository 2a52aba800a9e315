import type { Queue } from 'bullmq'
import type { Pool } from 'pg'

/** One statement writes both; whoever publishes reads the outbox. */
export async function placeOrder(db: Pool, _queue: Queue, sku: string): Promise<void> {
  await db.query(
    `WITH placed AS (INSERT INTO orders (sku) VALUES ($1) RETURNING id)
     INSERT INTO outbox (topic, order_id) SELECT 'order-placed', id FROM placed`,
    [sku],
  )
}
