import type { Pool } from 'pg'

export async function findUsers(db: Pool, name: string) {
  const { rows } = await db.query('SELECT id, name FROM users WHERE name = $1 LIMIT 10', [name])
  return rows
}
