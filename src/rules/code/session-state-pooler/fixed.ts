import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

/** The lock belongs to the transaction and ends with it, on whatever connection that runs. */
export async function exclusively(
  db: Pool,
  key: number,
  work: () => Promise<void>,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.query('SELECT pg_try_advisory_xact_lock($1) AS locked', [key])
    if (!rows[0].locked) return false
    await work()
    return true
  })
}
