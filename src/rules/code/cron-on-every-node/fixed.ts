import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

/** `runs` is unique by schedule and due time: of all processes, one inserts the row and runs. */
export async function onTick(db: Pool, due: string, run: () => Promise<void>): Promise<void> {
  await inTransaction(db, async (tx) => {
    const claim = await tx.query(
      "INSERT INTO runs (schedule, due) VALUES ('nightly-report', $1) ON CONFLICT DO NOTHING",
      [due],
    )
    if (claim.rowCount === 1) await run()
  })
}
