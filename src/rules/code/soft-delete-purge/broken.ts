import type { Pool } from 'pg'

export const lookups = {
  byEmail: 'SELECT id FROM users WHERE email = $1 LIMIT 1',
}

export async function remove(db: Pool, id: number): Promise<void> {
  await db.query('UPDATE users SET deleted_at = now() WHERE id = $1', [id])
}

export const uniqueEmail = 'CREATE UNIQUE INDEX users_email ON users (email)'
