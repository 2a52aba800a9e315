import type { Pool } from 'pg'

const PAGE_ROWS = 2

export async function page(db: Pool, pageNumber: number) {
  const { rows } = await db.query('SELECT id FROM orders ORDER BY id DESC LIMIT $1 OFFSET $2', [
    PAGE_ROWS,
    pageNumber * PAGE_ROWS,
  ])
  return { rows, next: pageNumber + 1 }
}
