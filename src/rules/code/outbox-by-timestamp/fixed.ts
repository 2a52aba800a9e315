import type { Pool } from 'pg'

/** Each row knows its transaction; only what no running transaction can still precede is read. */
export async function readNew(
  db: Pool,
  position: string,
): Promise<{ ids: number[]; position: string }> {
  const [xid = '0', after = '0'] = position.split('/')
  const { rows } = await db.query(
    `SELECT id, transaction_id FROM outbox
      WHERE (transaction_id, id) > ($1::xid8, $2::bigint)
        AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
      ORDER BY transaction_id, id LIMIT 100`,
    [xid, after],
  )
  const last = rows.at(-1)
  return {
    ids: rows.map(({ id }) => Number(id)),
    position: last === undefined ? position : `${last.transaction_id}/${last.id}`,
  }
}
