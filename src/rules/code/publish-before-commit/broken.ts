import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

export type Publish = (order: number) => Promise<void>

export async function placeOrder(db: Pool, publish: Publish, sku: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { rows } = await tx.query('INSERT INTO orders (sku) VALUES ($1) RETURNING id', [sku])
    await publish(rows[0].id)
    await tx.query('UPDATE stock SET quantity = quantity - 1 WHERE sku = $1', [sku])
  })
}
