import type { OutputOf } from '../../../src/base/schema.ts'
import { type Sql, sql } from '../../../src/database/sql.ts'
import { OrderCancelled, OrderPlaced } from '../ordering/contract.ts'
import { shop } from '../shop.ts'

export const countPlaced = shop.subscribe(OrderPlaced, {
  name: 'reporting.count-placed',
  // Additions commute, whatever else counts the same product meanwhile.
  isolation: 'read committed',
  run({ event, tx }) {
    tx.defer(addSales(event.payload, 1))
  },
})

export const countCancelled = shop.subscribe(OrderCancelled, {
  name: 'reporting.count-cancelled',
  isolation: 'read committed',
  run({ event, tx }) {
    tx.defer(addSales(event.payload, -1))
  },
})

/** Adds an order to the counters of its products, or (-1) takes it away again. */
function addSales(order: OutputOf<(typeof OrderPlaced)['payload']>, sign: 1 | -1): Sql {
  const { lines, currency } = order
  const products = lines.map((line) => line.product_id)
  const skus = lines.map((line) => line.sku)
  const units = lines.map((line) => sign * line.quantity)
  const revenues = lines.map((line) => sign * line.quantity * line.unit_price_minor)
  return sql`
    INSERT INTO product_sales AS sales (product_id, sku, currency, orders_count, units, revenue_minor)
    SELECT line.product_id, line.sku, ${currency}, ${sign}::bigint, line.units, line.revenue
    FROM unnest(${products}::uuid[], ${skus}::text[], ${units}::bigint[], ${revenues}::bigint[])
      AS line (product_id, sku, units, revenue)
    ORDER BY line.product_id
    ON CONFLICT (tenant_id, product_id) DO UPDATE SET
      orders_count = sales.orders_count + excluded.orders_count,
      units = sales.units + excluded.units,
      revenue_minor = sales.revenue_minor + excluded.revenue_minor,
      updated_at = now()`
}
