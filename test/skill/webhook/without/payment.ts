import { createHmac } from 'node:crypto'
import type pg from 'pg'

export interface PaymentEvent {
  readonly id: string
  readonly type: string
  readonly orderId: string
  readonly amountMinor: number
}

/** The body as Express has parsed it. */
export function isSigned(body: unknown, signature: string, secret: string): boolean {
  return createHmac('sha256', secret).update(JSON.stringify(body)).digest('hex') === signature
}

export async function paymentSucceeded(db: pg.Pool, event: PaymentEvent): Promise<void> {
  const { rows } = await db.query('SELECT * FROM orders WHERE id = $1', [event.orderId])
  const order = rows[0]
  if (!order || order.status === 'paid') return
  await db.query("UPDATE orders SET status = 'paid' WHERE id = $1", [event.orderId])
  await db.query('INSERT INTO ledger_entries (order_id, amount_minor) VALUES ($1, $2)', [
    event.orderId,
    event.amountMinor,
  ])
  fetch(`${process.env.MAIL_URL}/send`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to: order.email, template: 'payment-received' }),
  }).catch(console.error)
}
