import { sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { seesAll } from '../ordering/order.ts'
import { shop } from '../shop.ts'
import { FindPayment, GetPayment, GetPaymentTotals } from './contract.ts'
import type { PaymentRow } from './payment.ts'

export const getPayment = shop.handle(GetPayment, {
  allow: may('orders:read'),
  async run({ input, tx, scope: { principal }, fail }) {
    const payment = await tx.maybeOne(sql<PaymentRow>`
      SELECT id, order_id, status, amount_minor, currency, created_at, updated_at
      FROM payments
      WHERE order_id = ${input.id}
        AND (${seesAll(principal)}::boolean OR customer_id = ${principal.id})
      ORDER BY created_at DESC, id DESC LIMIT 1`)
    if (payment === undefined) throw fail.paymentNotFound()
    return payment
  },
})

export const findPayment = shop.handle(FindPayment, {
  allow: may('payments:advance'),
  async run({ input, tx, fail }) {
    const payment = await tx.db
      .selectFrom('payments')
      .select(['status', 'goal', 'source', 'amount_minor', 'currency', 'provider_id'])
      .where('id', '=', input.payment_id)
      .executeTakeFirst()
    if (payment === undefined) throw fail.paymentNotFound()
    return payment as typeof payment & ProgressTexts
  },
})

/** As the CHECK constraints of the table say. */
interface ProgressTexts {
  readonly status: PaymentRow['status']
  readonly goal: 'paid' | 'released'
}

/** More currencies than there are. */
const CURRENCIES_MAX = 200

interface Totals {
  readonly currency: string
  readonly charges: number
  readonly refunds: number
  readonly charged_minor: number
  readonly refunded_minor: number
  readonly net_minor: number
}

export const getPaymentTotals = shop.handle(GetPaymentTotals, {
  allow: may('reports:read'),
  async run({ tx }) {
    const data = await tx.query(sql<Totals>`
      SELECT currency,
        count(*) FILTER (WHERE kind = 'charge') AS charges,
        count(*) FILTER (WHERE kind = 'refund') AS refunds,
        coalesce(sum(amount_minor) FILTER (WHERE kind = 'charge'), 0)::bigint AS charged_minor,
        coalesce(-sum(amount_minor) FILTER (WHERE kind = 'refund'), 0)::bigint AS refunded_minor,
        sum(amount_minor)::bigint AS net_minor
      FROM payment_ledger GROUP BY currency ORDER BY currency LIMIT ${CURRENCIES_MAX}`)
    return { data }
  },
})
