import type { Pool } from 'pg'

/** Called by a timer in every process. */
export async function onTick(db: Pool, _due: string, run: () => Promise<void>): Promise<void> {
  await db.query('SELECT 1')
  await run()
}
