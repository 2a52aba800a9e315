/** Orders as rows, and who may see which. */
import type { Principal } from '../../../src/base/principal.ts'
import type { InputOf } from '../../../src/base/schema.ts'
import { type Sql, sql } from '../../../src/database/sql.ts'
import { LINES_MAX } from '../shared/money.ts'
import type { OrderLine, OrderPlaced, OrderSummary } from './contract.ts'

export type OrderRow = InputOf<typeof OrderSummary>
export type LineRow = InputOf<typeof OrderLine>

/** Customers see their own orders; whoever serves them sees all of the tenant. */
export function seesAll(principal: Principal): boolean {
  return principal.may('orders:read-any')
}

/** What the events tell of an order. */
export function orderFacts(
  order: OrderRow,
  lines: readonly LineRow[],
): InputOf<(typeof OrderPlaced)['payload']> {
  return {
    order_id: order.id,
    customer_id: order.customer_id,
    currency: order.currency,
    total_minor: order.total_minor,
    lines: lines.map(({ product_id, sku: ordered, quantity, unit_price_minor }) => ({
      product_id,
      sku: ordered,
      quantity,
      unit_price_minor,
    })),
  }
}

export function selectLines(id: string): Sql<LineRow> {
  return sql<LineRow>`
    SELECT product_id, sku, name, unit_price_minor, quantity, line_total_minor
    FROM order_lines WHERE order_id = ${id} ORDER BY line_no LIMIT ${LINES_MAX}`
}

export const shown = sql`id, customer_id, email, country, status, payment_status, currency, total_minor,
  placed_at, cancelled_at, shipped_at`

/** `all`: whether orders of other customers count too. */
/** So that it stays what it is. */
export function lockOrder(id: string, customer: string, all: boolean): Sql<OrderRow> {
  return sql<OrderRow>`${selectOrder(id, customer, all)} FOR UPDATE`
}

export function selectOrder(id: string, customer: string, all: boolean): Sql<OrderRow> {
  return sql<OrderRow>`
    SELECT ${shown} FROM orders WHERE id = ${id} AND (${all}::boolean OR customer_id = ${customer})`
}
