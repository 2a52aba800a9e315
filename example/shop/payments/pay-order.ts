import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { BeginPayment } from '../ordering/contract.ts'
import { orderId } from '../shared/boundary-id.ts'
import { instant } from '../shared/instant.ts'
import { shop } from '../shop.ts'
import { PayOrder } from './contract.ts'
import { type PaymentRow, seeThrough } from './payment.ts'

/** The provider is asked by a job: what was promised to the customer commits before anything else. */
export const payOrder = shop.handle(PayOrder, {
  allow: may('orders:pay'),
  // The order's row is locked, and its state guarded, by the statement that takes it.
  isolation: 'read committed',
  async run({ input, tx, scope }) {
    const order = await tx.call(BeginPayment, { id: orderId.ids.encode(input.id) })
    const at = instant(scope.clock.now())
    const payment: PaymentRow = {
      id: tx.id(),
      order_id: input.id,
      status: 'pending',
      amount_minor: order.total_minor,
      currency: order.currency,
      created_at: at,
      updated_at: at,
    }
    tx.defer(insertPayment(payment, order.customer_id, input.source))
    seeThrough(tx, scope.clock, { id: payment.id, status: 'pending', goal: 'paid' })
    return payment
  },
})

function insertPayment(payment: PaymentRow, customer: string, source: string): Sql {
  const { id, order_id, amount_minor, currency, created_at } = payment
  return sql`
    INSERT INTO payments (id, order_id, customer_id, source, amount_minor, currency, created_at, updated_at)
    VALUES (${id}, ${order_id}, ${customer}, ${source}, ${amount_minor}, ${currency}, ${created_at}, ${created_at})`
}
