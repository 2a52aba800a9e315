import type { PoolClient } from 'pg'

/**
 * Unnamed: parsed, bound and run in one go. Named ones need PgBouncer 1.21 with
 * max_prepared_statements.
 */
export async function findUser(db: PoolClient, id: number) {
  const { rows } = await db.query('SELECT name FROM users WHERE id = $1', [id])
  return rows[0]
}
