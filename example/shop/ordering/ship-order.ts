import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import { ShipOrder } from './contract.ts'

export const shipOrder = shop.handle(ShipOrder, {
  allow: may('shipping:write'),
  // Of a cancellation and a shipment at once one meets no row.
  isolation: 'read committed',
  async run({ input, tx, fail }) {
    const shipped = await tx.maybeOne(markShipped(input.id))
    if (shipped !== undefined) return shipped
    const found = await tx.db
      .selectFrom('orders')
      .select('id')
      .where('id', '=', input.id)
      .executeTakeFirst()
    throw found === undefined ? fail.orderNotFound() : fail.orderNotShippable()
  },
})

function markShipped(id: string): Sql<{ customer_id: string }> {
  return sql<{ customer_id: string }>`
    UPDATE orders SET shipped_at = now()
    WHERE id = ${id} AND status = 'placed' AND shipped_at IS NULL
    RETURNING customer_id`
}
