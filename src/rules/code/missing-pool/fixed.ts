import type { Pool } from 'pg'

/** The pool is made once, at start, and handed in. */
export async function nameOf(db: Pool, id: number): Promise<string> {
  const { rows } = await db.query('SELECT name FROM users WHERE id = $1', [id])
  return rows[0].name
}
