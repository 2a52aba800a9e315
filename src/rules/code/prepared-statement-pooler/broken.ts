import type { PoolClient } from 'pg'

/** Prepared on one server connection, executed on whichever the pooler hands out next. */
export async function findUser(db: PoolClient, id: number) {
  await db.query('PREPARE find_user (int) AS SELECT name FROM users WHERE id = $1')
  const { rows } = await db.query(`EXECUTE find_user (${Number(id)})`)
  return rows[0]
}
