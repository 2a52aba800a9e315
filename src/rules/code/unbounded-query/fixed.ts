import type { Pool } from 'pg'

const PAGE_ROWS_MAX = 100

export async function ordersOf(db: Pool, customer: number, after = 0, limit = PAGE_ROWS_MAX) {
  const { rows } = await db.query(
    'SELECT id, state FROM orders WHERE customer_id = $1 AND id > $2 ORDER BY id LIMIT $3',
    [customer, after, Math.min(limit, PAGE_ROWS_MAX)],
  )
  return rows
}
