import type { Pool } from 'pg'

export async function profile(db: Pool, id: number) {
  const { rows } = await db.query('SELECT * FROM users WHERE id = $1', [id])
  return rows[0]
}
