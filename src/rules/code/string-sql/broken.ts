import type { Pool } from 'pg'

export async function findUsers(db: Pool, name: string) {
  const { rows } = await db.query(`SELECT id, name FROM users WHERE name = '${name}' LIMIT 10`)
  return rows
}
