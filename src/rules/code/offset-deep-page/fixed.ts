import type { Pool } from 'pg'

const PAGE_ROWS = 2
const FIRST = Number.MAX_SAFE_INTEGER

export async function page(db: Pool, before: number) {
  const { rows } = await db.query('SELECT id FROM orders WHERE id < $2 ORDER BY id DESC LIMIT $1', [
    PAGE_ROWS,
    before || FIRST,
  ])
  return { rows, next: Number(rows.at(-1)?.id ?? 0) }
}
