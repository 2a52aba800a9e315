import type { Pool } from 'pg'

/** As slow as OFFSET: no index serves an OR of two conditions as one range. */
export async function page(db: Pool, placedAt: string, id: number) {
  const { rows } = await db.query(
    `SELECT id FROM orders WHERE placed_at < $1 OR (placed_at = $1 AND id < $2)
      ORDER BY placed_at DESC, id DESC LIMIT 50`,
    [placedAt, id],
  )
  return rows
}

export const index = 'CREATE INDEX orders_page ON orders (placed_at, id)'
