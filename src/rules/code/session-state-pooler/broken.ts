import type { Pool } from 'pg'

/** Lock and unlock may run on two connections: then the lock is nobody's to release. */
export async function exclusively(
  db: Pool,
  key: number,
  work: () => Promise<void>,
): Promise<boolean> {
  const { rows } = await db.query('SELECT pg_try_advisory_lock($1) AS locked', [key])
  if (!rows[0].locked) return false
  await work()
  await db.query('SELECT pg_advisory_unlock($1)', [key])
  return true
}
