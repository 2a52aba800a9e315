import type { Pool } from 'pg'

const PAGE_ROWS = 10

/** The server writes the cursor and reads it back: a Date of JavaScript has milliseconds only. */
export async function page(db: Pool, cursor = '-infinity|0') {
  const [at, id] = cursor.split('|')
  const { rows } = await db.query(
    `SELECT id, at, at::text || '|' || id AS cursor FROM readings
      WHERE (at, id) > ($1::timestamptz, $2::bigint) ORDER BY at, id LIMIT $3`,
    [at, id, PAGE_ROWS],
  )
  const next: string | undefined = rows.at(-1)?.cursor
  return { rows, next }
}
