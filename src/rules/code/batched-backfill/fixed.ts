import type { Pool } from 'pg'

export type Pause = (ms: number) => Promise<void>

/** One short transaction; gives the last key that it has looked at, null behind the end. */
async function fill(db: Pool, after: number, batchRows: number): Promise<number | null> {
  const { rows } = await db.query(
    `WITH batch AS (SELECT id FROM users WHERE id > $1 ORDER BY id LIMIT $2 FOR UPDATE),
          filled AS (UPDATE users SET full_name = name
                       FROM batch WHERE users.id = batch.id AND users.full_name IS NULL)
     SELECT max(id) AS last FROM batch`,
    [after, batchRows],
  )
  return rows[0].last
}

/** In the order of the key: it ends where the table ends, whatever stays empty, and goes on anywhere. */
export async function backfill(db: Pool, pause?: Pause, batchRows = 1_000): Promise<void> {
  let last: number | null = 0
  while (last !== null) {
    last = await fill(db, last, batchRows)
    await pause?.(100)
  }
}
