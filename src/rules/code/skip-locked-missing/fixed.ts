import type { PoolClient } from 'pg'

/** Rows that another worker holds are passed over. */
export async function claim(tx: PoolClient): Promise<number[]> {
  const { rows } = await tx.query(
    "SELECT id FROM jobs WHERE state = 'waiting' ORDER BY id LIMIT 2 FOR UPDATE SKIP LOCKED",
  )
  return rows.map(({ id }) => Number(id))
}
