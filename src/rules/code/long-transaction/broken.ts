import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

export async function closeMonth(db: Pool): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { rows } = await tx.query('SELECT id FROM accounts ORDER BY id')
    for (const { id } of rows) {
      await tx.query('UPDATE accounts SET closed_balance = balance WHERE id = $1', [id])
    }
  })
}
