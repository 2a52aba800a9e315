import type pg from 'pg'
import { inTransaction } from './transaction.ts'

interface Reply {
  readonly status: number
  readonly body: object
}

class Refused extends Error {}

/**
 * Twice: (code, customer_id) is unique, and the same order gets the same answer again. Half: one
 * transaction; the provider is told from the outbox. Beside itself: the UPDATE checks what it takes.
 */
export async function redeem(
  db: pg.Pool,
  code: string,
  customerId: string,
  orderId: string,
): Promise<Reply> {
  try {
    return await inTransaction(db, (tx) => take(tx, code, customerId, orderId))
  } catch (error) {
    if (error instanceof Refused) return { status: 409, body: { title: error.message } }
    throw error
  }
}

async function take(
  tx: pg.PoolClient,
  code: string,
  customerId: string,
  orderId: string,
): Promise<Reply> {
  const known = await tx.query('SELECT 1 FROM vouchers WHERE code = $1', [code])
  if (known.rowCount === 0) return { status: 404, body: { title: 'There is no such voucher' } }
  const claimed = await tx.query(
    `INSERT INTO redemptions (code, customer_id, order_id) VALUES ($1, $2, $3)
     ON CONFLICT (code, customer_id) DO NOTHING`,
    [code, customerId, orderId],
  )
  if (claimed.rowCount === 0) return again(tx, code, customerId, orderId)
  const taken = await tx.query(
    `UPDATE vouchers SET uses_left = uses_left - 1
      WHERE code = $1 AND uses_left > 0 AND ends_at > now() RETURNING discount_minor`,
    [code],
  )
  if (taken.rowCount === 0) throw new Refused('The voucher cannot be redeemed')
  const discountMinor: number = taken.rows[0].discount_minor
  const order = await tx.query(
    'UPDATE orders SET discount_minor = $1 WHERE id = $2 AND customer_id = $3',
    [discountMinor, orderId, customerId],
  )
  if (order.rowCount === 0) throw new Refused('There is no such order of yours')
  await tx.query(`INSERT INTO outbox (topic, payload) VALUES ('discount-granted', $1)`, [
    JSON.stringify({ orderId, discountMinor }),
  ])
  return { status: 200, body: { discountMinor } }
}

/** What the first request was answered, where this one is for the same order. */
async function again(
  tx: pg.PoolClient,
  code: string,
  customerId: string,
  orderId: string,
): Promise<Reply> {
  const { rows } = await tx.query(
    `SELECT v.discount_minor FROM redemptions r JOIN vouchers v USING (code)
      WHERE r.code = $1 AND r.customer_id = $2 AND r.order_id = $3`,
    [code, customerId, orderId],
  )
  const [first] = rows
  if (first === undefined) throw new Refused('You have redeemed this voucher')
  return { status: 200, body: { discountMinor: first.discount_minor } }
}
