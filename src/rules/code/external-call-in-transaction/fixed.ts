import type { Pool } from 'pg'

export type Charge = (order: number) => Promise<string>

/** Two short statements with the call between them; `charge` sends a key derived from the order. */
export async function pay(db: Pool, charge: Charge, order: number): Promise<void> {
  const claimed = await db.query(
    "UPDATE orders SET state = 'paying' WHERE id = $1 AND state IN ('placed', 'paying')",
    [order],
  )
  if (claimed.rowCount !== 1) return
  const payment = await charge(order)
  await db.query(
    "UPDATE orders SET state = 'paid', payment = $2 WHERE id = $1 AND state = 'paying'",
    [order, payment],
  )
}
