import type { Pool } from 'pg'

const PAGE_ROWS = 2

export async function page(db: Pool, number: number) {
  const { rows } = await db.query('SELECT id FROM orders ORDER BY id DESC LIMIT $1 OFFSET $2', [
    PAGE_ROWS,
    number * PAGE_ROWS,
  ])
  return { rows, next: number + 1 }
}
