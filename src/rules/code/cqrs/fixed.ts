import type { PoolClient } from 'pg'

/**
 * Kept by a reader of the event log, in one transaction with its position; rebuilt by emptying it.
 */
export async function onOrderPlaced(tx: PoolClient, event: { day: string; cents: number }) {
  await tx.query(
    `INSERT INTO revenue_by_day (day, cents) VALUES ($1, $2)
     ON CONFLICT (day) DO UPDATE SET cents = revenue_by_day.cents + excluded.cents`,
    [event.day, event.cents],
  )
}

export async function revenueByDay(db: PoolClient) {
  const { rows } = await db.query(
    'SELECT day, cents FROM revenue_by_day ORDER BY day DESC LIMIT 30',
  )
  return rows
}
