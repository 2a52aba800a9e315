import type { Pool } from 'pg'

export interface Refund {
  readonly order: number
  readonly cents: number
}

export async function refund(db: Pool, { order, cents }: Refund): Promise<number> {
  const { rows } = await db.query(
    'INSERT INTO refunds (order_id, cents) VALUES ($1, $2) RETURNING id',
    [order, cents],
  )
  return rows[0].id
}
