import type { Pool } from 'pg'

export type Pause = (ms: number) => Promise<void>

/** Short transactions that may stop anywhere and go on later. */
export async function backfill(db: Pool, pause?: Pause, batchRows = 1_000): Promise<void> {
  for (;;) {
    const { rowCount } = await db.query(
      `UPDATE users SET full_name = name WHERE id IN (
         SELECT id FROM users WHERE full_name IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)`,
      [batchRows],
    )
    if (rowCount === 0) return
    await pause?.(100)
  }
}
