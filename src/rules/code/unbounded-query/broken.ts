import type { Pool } from 'pg'

export async function orders(db: Pool) {
  const { rows } = await db.query('SELECT id, state FROM orders ORDER BY id')
  return rows
}
