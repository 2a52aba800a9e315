import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

export type Publish = (topic: string, order: number) => Promise<void>

/** Order and event commit together; `relay` publishes until the broker has taken it. */
export async function placeOrder(db: Pool, _publish: Publish, sku: string): Promise<number> {
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.query('INSERT INTO orders (sku) VALUES ($1) RETURNING id', [sku])
    await tx.query("INSERT INTO outbox (topic, order_id) VALUES ('order-placed', $1)", [rows[0].id])
    return rows[0].id
  })
}

/** A crash between publishing and deleting publishes again: consumers remember what they have seen. */
export async function relay(db: Pool, publish: Publish): Promise<void> {
  const { rows } = await db.query('SELECT id, topic, order_id FROM outbox ORDER BY id LIMIT 100')
  for (const { topic, order_id } of rows) await publish(topic, order_id)
  await db.query('DELETE FROM outbox WHERE id = ANY($1)', [rows.map(({ id }) => id)])
}
