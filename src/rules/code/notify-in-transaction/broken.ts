import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

export async function enqueue(db: Pool, payload: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    await tx.query('INSERT INTO jobs (payload) VALUES ($1)', [payload])
    await tx.query("SELECT pg_notify('jobs', '')")
  })
}
