import type { NodeCron } from 'node-cron'
import type { Pool } from 'pg'

/** Every process has this timer, so every process writes a report. */
export function start(cron: NodeCron, db: Pool): void {
  cron.schedule('0 3 * * *', async () => {
    await db.query('INSERT INTO reports (made_at) VALUES (now())')
  })
}
