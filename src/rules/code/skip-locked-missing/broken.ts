import type { PoolClient } from 'pg'

/** The second worker reads the same rows, or waits for the first to end. */
export async function claim(tx: PoolClient): Promise<number[]> {
  const { rows } = await tx.query(
    "SELECT id FROM jobs WHERE state = 'waiting' ORDER BY id LIMIT 2 FOR UPDATE",
  )
  return rows.map(({ id }) => Number(id))
}
