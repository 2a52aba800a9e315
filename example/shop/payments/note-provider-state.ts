import type { OutputOf } from '../../../src/base/schema.ts'
import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { NotePayment } from '../ordering/contract.ts'
import { orderId } from '../shared/boundary-id.ts'
import { shop } from '../shop.ts'
import { NoteProviderState, PaymentMoved, type ProviderState } from './contract.ts'
import { seeThrough } from './payment.ts'
import {
  canReach,
  nextStep,
  orderPaymentStatus,
  type PaymentGoal,
  type PaymentStatus,
} from './payment-states.ts'

type State = OutputOf<typeof ProviderState>

interface LockedPayment {
  readonly order_id: string
  readonly status: PaymentStatus
  readonly goal: PaymentGoal
  readonly amount_minor: number
  readonly currency: string
  readonly provider_id: string | null
  readonly provider_version: number
}

/** In whatever order states come, and however often: the newest counts, each is kept once. */
export const noteProviderState = shop.handle(NoteProviderState, {
  allow: may('payments:note'),
  // Its row is locked before anything is decided.
  isolation: 'read committed',
  async run({ input: { state, via }, tx, scope, fail }) {
    const { reference: id, status, version } = state
    const payment = await tx.maybeOne(lockPayment(id))
    if (payment === undefined) return { outcome: 'unknown' }
    if (version <= payment.provider_version) return { outcome: 'stale' }
    if (!agrees(payment, state) || !canReach(payment.status, status)) throw fail.paymentDiffers()

    const { order_id, amount_minor, currency } = payment
    tx.defer(movePayment(state), { rows: 1 })
    tx.defer(keepMove(state, payment.status, via, scope.requestId))
    for (const entry of bookings(state)) tx.defer(entry)
    tx.emit(PaymentMoved, { payment_id: id, order_id, status, amount_minor, currency })
    await tx.call(NotePayment, {
      id: orderId.ids.encode(order_id),
      payment_status: orderPaymentStatus(status),
    })
    const { goal } = payment
    if (nextStep(status, goal) !== undefined) seeThrough(tx, scope.clock, { id, status, goal })
    return { outcome: 'applied' }
  },
})

function lockPayment(id: string): Sql<LockedPayment> {
  return sql<LockedPayment>`
    SELECT order_id, status, goal, amount_minor, currency, provider_id, provider_version
    FROM payments WHERE id = ${id} FOR UPDATE`
}

function agrees(payment: LockedPayment, state: State): boolean {
  return (
    payment.amount_minor === state.amount_minor &&
    payment.currency === state.currency &&
    (payment.provider_id === null || payment.provider_id === state.id)
  )
}

function movePayment({ reference, status, id, version }: State): Sql {
  return sql`
    UPDATE payments
    SET status = ${status}, provider_id = ${id}, provider_version = ${version}, updated_at = now()
    WHERE id = ${reference} AND provider_version < ${version}`
}

function keepMove(
  { reference, status, version }: State,
  from: PaymentStatus,
  via: string,
  requestId: string,
): Sql {
  return sql`
    INSERT INTO payment_moves (payment_id, provider_version, from_status, to_status, via, request_id)
    VALUES (${reference}, ${version}, ${from}, ${status}, ${via}, ${requestId})`
}

/** A refund that is heard of first means a charge before it. */
function bookings(state: State): readonly Sql[] {
  const { reference, status, amount_minor, currency } = state
  const book = (kind: string, amount: number) => sql`
    INSERT INTO payment_ledger (payment_id, kind, amount_minor, currency)
    VALUES (${reference}, ${kind}, ${amount}, ${currency})
    ON CONFLICT (tenant_id, payment_id, kind) DO NOTHING`
  if (status === 'captured') return [book('charge', amount_minor)]
  if (status === 'refunded') return [book('charge', amount_minor), book('refund', -amount_minor)]
  return []
}
