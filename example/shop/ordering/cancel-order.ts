import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { ReturnStock } from '../catalog/contract.ts'
import { shop } from '../shop.ts'
import { CancelOrder, OrderCancelled } from './contract.ts'
import { type OrderRow, orderFacts, selectLines, selectOrder, shown } from './order.ts'

export const cancelOrder = shop.handle(CancelOrder, {
  allow: may('orders:cancel'),
  // The status is guarded in the statement that changes it, lines never change, and pieces are
  // added to whatever the stock is by then.
  isolation: 'read committed',
  async run({ input, tx, scope, fail }) {
    const { principal } = scope
    const all = principal.may('orders:cancel-any')
    const [order, lines] = await Promise.all([
      tx.maybeOne(markCancelled(input.id, principal.id, all)),
      tx.query(selectLines(input.id)),
    ])
    if (order === undefined) {
      const seen = await tx.maybeOne(selectOrder(input.id, principal.id, all))
      throw seen === undefined ? fail.orderNotFound() : fail.orderNotCancellable()
    }
    const taken = lines.map(({ product_id, quantity }) => ({ product_id, quantity }))
    await tx.call(ReturnStock, { lines: taken })
    tx.emit(OrderCancelled, orderFacts(order, lines))
    return { ...order, lines }
  },
})

/** Guarded by the status: of two cancellations one meets no row, so the stock comes back once. */
function markCancelled(id: string, customer: string, all: boolean): Sql<OrderRow> {
  return sql<OrderRow>`
    UPDATE orders SET status = 'cancelled', cancelled_at = now()
    WHERE id = ${id} AND status IN ('placed', 'held') AND shipped_at IS NULL
      AND (${all}::boolean OR customer_id = ${customer})
    RETURNING ${shown}`
}
