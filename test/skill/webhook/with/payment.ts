import { createHmac, timingSafeEqual } from 'node:crypto'
import type pg from 'pg'
import { inTransaction } from './transaction.ts'

export interface PaymentEvent {
  readonly id: string
  readonly type: string
  readonly orderId: string
  readonly amountMinor: number
}

/** The bytes as they came. */
export function isSigned(body: Buffer, signature: string, secret: string): boolean {
  const expected = createHmac('sha256', secret).update(body).digest()
  const given = Buffer.from(signature, 'hex')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** The id is remembered with the effect: a second delivery changes nothing. The mail waits in the outbox. */
export async function paymentSucceeded(db: pg.Pool, event: PaymentEvent): Promise<void> {
  await inTransaction(db, async (tx) => {
    const first = await tx.query('INSERT INTO inbox (id) VALUES ($1) ON CONFLICT (id) DO NOTHING', [
      event.id,
    ])
    if (first.rowCount === 0) return
    const paid = await tx.query(
      `UPDATE orders SET status = 'paid' WHERE id = $1 AND status <> 'paid' RETURNING email`,
      [event.orderId],
    )
    if (paid.rowCount === 0) return
    await tx.query('INSERT INTO ledger_entries (order_id, amount_minor) VALUES ($1, $2)', [
      event.orderId,
      event.amountMinor,
    ])
    await tx.query(`INSERT INTO outbox (topic, payload) VALUES ('payment-received', $1)`, [
      JSON.stringify({ to: paid.rows[0].email }),
    ])
  })
}
