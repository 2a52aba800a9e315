import type pg from 'pg'

const BATCH = 100

/** A crash between telling and deleting tells again, under the same key: the provider knows it by that. */
export async function relay(
  db: pg.Pool,
  tell: (key: string, payload: object) => Promise<void>,
): Promise<void> {
  const { rows } = await db.query('SELECT id, payload FROM outbox ORDER BY id LIMIT $1', [BATCH])
  for (const { id, payload } of rows) await tell(`outbox-${id}`, payload)
  await db.query('DELETE FROM outbox WHERE id = ANY($1)', [rows.map(({ id }) => id)])
}
