import type { Pool } from 'pg'

const PAGE_ROWS_MAX = 100

export async function orders(db: Pool, after = 0, limit = PAGE_ROWS_MAX) {
  const { rows } = await db.query(
    'SELECT id, state FROM orders WHERE id > $1 ORDER BY id LIMIT $2',
    [after, Math.min(limit, PAGE_ROWS_MAX)],
  )
  return rows
}
