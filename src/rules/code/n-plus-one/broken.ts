import type { Pool } from 'pg'

export async function ordersWithLines(db: Pool, customer: number) {
  const orders = await db.query(
    'SELECT id, placed_at FROM orders WHERE customer_id = $1 LIMIT 50',
    [customer],
  )
  return Promise.all(
    orders.rows.map(async (order) => {
      const lines = await db.query('SELECT sku, quantity FROM lines WHERE order_id = $1', [
        order.id,
      ])
      return { ...order, lines: lines.rows }
    }),
  )
}
