import type { Pool } from 'pg'

export interface Refund {
  readonly key: string
  readonly order: number
  readonly cents: number
}

/** `refunds.key` is unique: a retry finds the refund of the first attempt. */
export async function refund(db: Pool, { key, order, cents }: Refund): Promise<number> {
  await db.query(
    'INSERT INTO refunds (key, order_id, cents) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING',
    [key, order, cents],
  )
  const { rows } = await db.query('SELECT id, order_id, cents FROM refunds WHERE key = $1', [key])
  const [first] = rows
  if (first.order_id !== order || first.cents !== cents) throw new Error('422: key was used before')
  return first.id
}
