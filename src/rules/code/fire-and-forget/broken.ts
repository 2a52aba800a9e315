import type { Pool } from 'pg'

export async function signUp(db: Pool, email: string): Promise<void> {
  await db.query('INSERT INTO users (email) VALUES ($1)', [email])
  db.query('INSERT INTO welcome_mails (email) VALUES ($1)', [email])
}
