import type { Pool } from 'pg'

/** The dashboard aggregates the tables that orders are written to, at each look. */
export async function revenueByDay(db: Pool) {
  const { rows } = await db.query(
    `SELECT placed_at::date AS day, sum(cents) AS cents FROM orders
      GROUP BY 1 ORDER BY 1 DESC LIMIT 30`,
  )
  return rows
}
