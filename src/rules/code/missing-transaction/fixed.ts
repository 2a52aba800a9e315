import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

export async function transfer(db: Pool, from: number, to: number, amount: number): Promise<void> {
  await inTransaction(db, async (tx) => {
    await tx.query('UPDATE accounts SET balance = balance - $2 WHERE id = $1', [from, amount])
    await tx.query('UPDATE accounts SET balance = balance + $2 WHERE id = $1', [to, amount])
  })
}
