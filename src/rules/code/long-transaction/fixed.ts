import type { Pool } from 'pg'

const BATCH_ROWS = 1_000

/** Each batch is a transaction of its own; the position makes it resumable. */
export async function closeMonth(db: Pool, batchRows = BATCH_ROWS): Promise<void> {
  let after = 0
  for (;;) {
    const { rows } = await db.query(
      `UPDATE accounts SET closed_balance = balance
        WHERE id IN (SELECT id FROM accounts WHERE id > $1 ORDER BY id LIMIT $2)
       RETURNING id`,
      [after, batchRows],
    )
    if (rows.length === 0) return
    after = Math.max(...rows.map(({ id }) => Number(id)))
  }
}
