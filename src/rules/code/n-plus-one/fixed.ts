import type { Pool } from 'pg'

export async function ordersWithLines(db: Pool, customer: number) {
  const orders = await db.query(
    'SELECT id, placed_at FROM orders WHERE customer_id = $1 LIMIT 50',
    [customer],
  )
  const lines = await db.query(
    'SELECT order_id, sku, quantity FROM lines WHERE order_id = ANY($1)',
    [orders.rows.map(({ id }) => id)],
  )
  const byOrder = Map.groupBy(lines.rows, ({ order_id }) => order_id)
  return orders.rows.map((order) => ({ ...order, lines: byOrder.get(order.id) ?? [] }))
}
