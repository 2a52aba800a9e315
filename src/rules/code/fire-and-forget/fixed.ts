import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

/**
 * The mail is a row that commits with the user; a worker sends it and may fail as often as it
 * likes.
 */
export async function signUp(db: Pool, email: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    await tx.query('INSERT INTO users (email) VALUES ($1)', [email])
    await tx.query('INSERT INTO welcome_mails (email) VALUES ($1)', [email])
  })
}
