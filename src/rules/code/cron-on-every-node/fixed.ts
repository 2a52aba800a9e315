import type { NodeCron } from 'node-cron'
import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

/** `runs` is unique by schedule and due time: of all processes, one inserts the row and runs. */
export function start(cron: NodeCron, db: Pool): void {
  cron.schedule('0 3 * * *', async ({ date }) => {
    await inTransaction(db, async (tx) => {
      const claim = await tx.query(
        "INSERT INTO runs (schedule, due) VALUES ('nightly-report', $1) ON CONFLICT DO NOTHING",
        [date],
      )
      if (claim.rowCount === 1) await tx.query('INSERT INTO reports (made_at) VALUES (now())')
    })
  })
}
