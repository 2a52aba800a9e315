import type { Pool } from 'pg'

export async function ordersOf(db: Pool, customer: number) {
  const { rows } = await db.query('SELECT id, state FROM orders WHERE customer_id = $1', [customer])
  return rows
}
