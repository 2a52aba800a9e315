import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

export type Charge = (order: number) => Promise<string>

export async function pay(db: Pool, charge: Charge, order: number): Promise<void> {
  await inTransaction(db, async (tx) => {
    await tx.query("UPDATE orders SET state = 'paying' WHERE id = $1", [order])
    const payment = await charge(order)
    await tx.query("UPDATE orders SET state = 'paid', payment = $2 WHERE id = $1", [order, payment])
  })
}
