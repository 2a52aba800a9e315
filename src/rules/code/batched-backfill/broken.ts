import type { Pool } from 'pg'

export async function backfill(db: Pool): Promise<void> {
  await db.query('UPDATE users SET full_name = name WHERE full_name IS NULL')
}
