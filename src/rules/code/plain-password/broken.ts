import type { Pool } from 'pg'

export async function register(db: Pool, email: string, password: string): Promise<void> {
  await db.query('INSERT INTO users (email, password) VALUES ($1, $2)', [email, password])
}
