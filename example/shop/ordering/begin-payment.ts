import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { guarded } from '../shared/guarded.ts'
import { shop } from '../shop.ts'
import { BeginPayment, NotePayment } from './contract.ts'
import { lockOrder, type OrderRow, seesAll } from './order.ts'

export const beginPayment = shop.handle(BeginPayment, {
  allow: may('orders:pay'),
  // Guarded in the statement that takes it: of a cancellation and a payment at once, one is first.
  isolation: 'read committed',
  async run({ input, tx, scope: { principal }, fail }) {
    const all = seesAll(principal)
    const asked = [input.id, principal.id, all] as const
    const { changed, seen } = await guarded(tx, markPending(...asked), lockOrder(...asked))
    if (changed !== undefined) return changed
    if (seen === undefined) throw fail.orderNotFound()
    const { status, payment_status } = seen
    throw fail.orderNotPayable({ order_status: status, payment_status })
  },
})

export const notePayment = shop.handle(NotePayment, {
  allow: may('orders:note-payment'),
  isolation: 'read committed',
  run({ input, tx }) {
    const { id, payment_status } = input
    tx.defer(sql`UPDATE orders SET payment_status = ${payment_status} WHERE id = ${id}`, {
      rows: 1,
    })
    return {}
  },
})

type Payable = Pick<OrderRow, 'customer_id' | 'currency' | 'total_minor'>

function markPending(id: string, customer: string, all: boolean): Sql<Payable> {
  return sql<Payable>`
    UPDATE orders SET payment_status = 'pending'
    WHERE id = ${id} AND status = 'placed' AND payment_status IN ('unpaid', 'declined')
      AND total_minor > 0 AND (${all}::boolean OR customer_id = ${customer})
    RETURNING customer_id, currency, total_minor`
}
