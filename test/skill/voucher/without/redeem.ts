import type pg from 'pg'

export async function redeem(db: pg.Pool, code: string, customerId: string, orderId: string) {
  const client = await db.connect()
  try {
    await client.query('BEGIN')
    const { rows } = await client.query('SELECT * FROM vouchers WHERE code = $1', [code])
    const voucher = rows[0]
    if (!voucher) {
      await client.query('ROLLBACK')
      return { status: 404, body: { error: 'Voucher not found' } }
    }
    const used = await client.query(
      'SELECT 1 FROM redemptions WHERE code = $1 AND customer_id = $2',
      [code, customerId],
    )
    if (used.rowCount || voucher.uses_left <= 0 || voucher.ends_at < new Date()) {
      await client.query('ROLLBACK')
      return { status: 409, body: { error: 'Voucher cannot be redeemed' } }
    }
    await client.query(
      'INSERT INTO redemptions (code, customer_id, order_id) VALUES ($1, $2, $3)',
      [code, customerId, orderId],
    )
    await client.query('UPDATE vouchers SET uses_left = uses_left - 1 WHERE code = $1', [code])
    await client.query('UPDATE orders SET discount_minor = $1 WHERE id = $2', [
      voucher.discount_minor,
      orderId,
    ])
    const response = await fetch(`${process.env.PAYMENTS_URL}/discounts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ orderId, discountMinor: voucher.discount_minor }),
    })
    if (!response.ok) throw new Error('The payment provider did not accept the discount')
    await client.query('COMMIT')
    return { status: 200, body: { discountMinor: voucher.discount_minor } }
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
