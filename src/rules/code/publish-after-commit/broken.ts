import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

export type Publish = (order: number) => Promise<void>

/** Between COMMIT and publish there is room for a crash, a deploy, a broker that is down. */
export async function placeOrder(db: Pool, publish: Publish, sku: string): Promise<void> {
  const id = await inTransaction(db, async (tx) => {
    const { rows } = await tx.query('INSERT INTO orders (sku) VALUES ($1) RETURNING id', [sku])
    return rows[0].id
  })
  await publish(id)
}
