import type { Pool } from 'pg'

/** One view is what the application reads, so no query can forget the mark. */
export const uniqueEmail = `
  CREATE UNIQUE INDEX users_email ON users (email) WHERE deleted_at IS NULL;
  CREATE VIEW live_users AS SELECT id, email, name FROM users WHERE deleted_at IS NULL;
`

export const lookups = {
  byEmail: 'SELECT id FROM live_users WHERE email = $1 LIMIT 1',
}

export async function remove(db: Pool, id: number): Promise<void> {
  await db.query('UPDATE users SET deleted_at = now() WHERE id = $1', [id])
}

/** Run by a schedule until it returns 0. */
export async function purge(db: Pool, rowsMax = 1_000): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM users WHERE id IN (
       SELECT id FROM users WHERE deleted_at < now() - interval '30 days' LIMIT $1)`,
    [rowsMax],
  )
  return rowCount ?? 0
}
