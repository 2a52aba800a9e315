import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { guarded } from '../shared/guarded.ts'
import { shop } from '../shop.ts'
import { ShipOrder } from './contract.ts'
import type { OrderRow } from './order.ts'

export const shipOrder = shop.handle(ShipOrder, {
  allow: may('shipping:write'),
  // Of a cancellation (or a refund) and a shipment at once one meets no row.
  isolation: 'read committed',
  async run({ input, tx, fail }) {
    const { changed, seen } = await guarded(tx, markShipped(input.id), lockShippable(input.id))
    if (changed !== undefined) return changed
    throw seen === undefined ? fail.orderNotFound() : fail.orderNotShippable(seen)
  },
})

/** The money is taken before the goods leave; an order that costs nothing has none to wait for. */
function markShipped(id: string): Sql<{ customer_id: string }> {
  return sql<{ customer_id: string }>`
    UPDATE orders SET shipped_at = now()
    WHERE id = ${id} AND status = 'placed' AND shipped_at IS NULL
      AND (payment_status = 'paid' OR total_minor = 0)
    RETURNING customer_id`
}

interface Shippable {
  readonly order_status: OrderRow['status']
  readonly payment_status: OrderRow['payment_status']
  readonly shipped: boolean
}

function lockShippable(id: string): Sql<Shippable> {
  return sql<Shippable>`
    SELECT status AS order_status, payment_status, shipped_at IS NOT NULL AS shipped
    FROM orders WHERE id = ${id} FOR UPDATE`
}
