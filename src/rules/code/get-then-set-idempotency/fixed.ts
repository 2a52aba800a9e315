import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

/**
 * The claim comes first and in the same transaction: a duplicate waits for it in the unique index.
 */
export async function placeOrder(db: Pool, key: string, sku: string): Promise<number> {
  return inTransaction(db, async (tx) => {
    const claim = await tx.query(
      'INSERT INTO keys (key) VALUES ($1) ON CONFLICT (key) DO NOTHING',
      [key],
    )
    if (claim.rowCount === 0) {
      const { rows } = await tx.query('SELECT reply FROM keys WHERE key = $1', [key])
      return rows[0].reply
    }
    const { rows } = await tx.query('INSERT INTO orders (sku) VALUES ($1) RETURNING id', [sku])
    await tx.query('UPDATE keys SET reply = $2 WHERE key = $1', [key, rows[0].id])
    return rows[0].id
  })
}
