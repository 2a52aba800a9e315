import type { Pool } from 'pg'

/** An event that was written earlier and committed later is behind the position, and never read. */
export async function readNew(
  db: Pool,
  position: string,
): Promise<{ ids: number[]; position: string }> {
  const { rows } = await db.query('SELECT id FROM outbox WHERE id > $1 ORDER BY id LIMIT 100', [
    position,
  ])
  const ids = rows.map(({ id }) => Number(id))
  return { ids, position: String(ids.at(-1) ?? position) }
}
