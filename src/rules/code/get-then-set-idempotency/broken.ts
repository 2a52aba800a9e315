import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

export async function placeOrder(db: Pool, key: string, sku: string): Promise<number> {
  const seen = await db.query('SELECT reply FROM keys WHERE key = $1', [key])
  if (seen.rows[0] !== undefined) return seen.rows[0].reply
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.query('INSERT INTO orders (sku) VALUES ($1) RETURNING id', [sku])
    await tx.query(
      'INSERT INTO keys (key, reply) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET reply = $2',
      [key, rows[0].id],
    )
    return rows[0].id
  })
}
