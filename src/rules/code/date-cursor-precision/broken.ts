import type { Pool } from 'pg'

const PAGE_ROWS = 10

export async function page(db: Pool, cursor?: string) {
  const { rows } = await db.query(
    'SELECT id, at FROM readings WHERE at > $1 ORDER BY at LIMIT $2',
    [cursor === undefined ? '-infinity' : new Date(cursor), PAGE_ROWS],
  )
  const last: Date | undefined = rows.at(-1)?.at
  return { rows, next: last?.toISOString() }
}
