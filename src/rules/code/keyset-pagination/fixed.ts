import type { Pool } from 'pg'

/** A row comparison is one range of the index, at any depth. */
export async function page(db: Pool, placedAt: string, id: number) {
  const { rows } = await db.query(
    `SELECT id FROM orders WHERE (placed_at, id) < ($1, $2)
      ORDER BY placed_at DESC, id DESC LIMIT 50`,
    [placedAt, id],
  )
  return rows
}

export const index = 'CREATE INDEX orders_page ON orders (placed_at, id)'
