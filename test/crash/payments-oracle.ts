/** What must be true of orders, payments and two ledgers once the storm is over. */
import type { ProviderState } from '../../example/shop/payment-provider/provider-admin.ts'
import {
  nextStep,
  orderPaymentStatus,
  type PaymentGoal,
  type PaymentStatus,
} from '../../example/shop/payments/payment-states.ts'
import type { AppDatabase } from '../app-database.ts'

export interface PaidOrder {
  readonly payment: string
  readonly order_id: string
  readonly status: PaymentStatus
  readonly goal: PaymentGoal
  readonly version: number
  readonly order_status: string
  readonly payment_status: string
  readonly total_minor: number
}

type LedgerEntry = ProviderState['ledger'][number]

interface OwnEntry {
  readonly payment: string
  readonly kind: string
  readonly amount_minor: number
  readonly currency: string
}

export function paidOrders(database: AppDatabase): Promise<PaidOrder[]> {
  return database.rows(`SELECT p.id AS payment, p.order_id, p.status, p.goal,
 p.provider_version AS version, o.status AS order_status, o.payment_status,
 o.total_minor::float8 AS total_minor
 FROM payments p JOIN orders o ON o.tenant_id = p.tenant_id AND o.id = p.order_id`)
}

/** Payments that are not where they are to get: none is left in the end. */
export function undecided(payments: readonly PaidOrder[]): readonly PaidOrder[] {
  return payments.filter(({ status, goal }) => nextStep(status, goal) !== undefined)
}

/** Complaints; empty where everything holds. */
export async function paymentViolations(
  database: AppDatabase,
  provider: ProviderState,
): Promise<string[]> {
  const payments = await paidOrders(database)
  const own = await database.rows<OwnEntry>(`SELECT payment_id AS payment, kind,
 amount_minor::float8 AS amount_minor, currency FROM payment_ledger`)
  return [
    ...undecided(payments).map(({ payment, status }) => `${payment} is still ${status}`),
    ...ledgersDiffer(own, provider.ledger),
    ...statesDiffer(payments, provider),
    ...chargedWrongly(payments, provider.ledger),
  ]
}

function ledgersDiffer(own: readonly OwnEntry[], theirs: readonly LedgerEntry[]): string[] {
  const lines = (entries: readonly OwnEntry[]) =>
    new Set(entries.map((each) => Object.values(each).join(' ')))
  const ours = lines(
    own.map(({ payment, kind, amount_minor, currency }) => ({
      payment,
      kind,
      amount_minor,
      currency,
    })),
  )
  const booked = lines(
    theirs.map(({ reference: payment, kind, amount_minor, currency }) => ({
      payment,
      kind,
      amount_minor,
      currency,
    })),
  )
  return [
    ...(own.length === ours.size && theirs.length === booked.size ? [] : ['an entry stands twice']),
    ...[...ours].filter((line) => !booked.has(line)).map((line) => `ours alone: ${line}`),
    ...[...booked].filter((line) => !ours.has(line)).map((line) => `theirs alone: ${line}`),
  ]
}

function statesDiffer(payments: readonly PaidOrder[], provider: ProviderState): string[] {
  const theirs = new Map(provider.payments.map((each) => [each.reference, each]))
  return [
    ...(theirs.size === provider.payments.length ? [] : ['the provider has a payment twice']),
    ...(theirs.size === payments.length ? [] : [`${payments.length} here, ${theirs.size} there`]),
    ...payments.flatMap(({ payment, status, version, payment_status }) => {
      const there = theirs.get(payment)
      const same = there?.status === status && there.version === version
      const shown = payment_status === orderPaymentStatus(status) || status === 'declined'
      return same && shown
        ? []
        : [`${payment}: ${status} here, ${there?.status} there, ${payment_status} shown`]
    }),
  ]
}

/** By what the provider has booked: an order is charged once and whole, a cancelled one not at all. */
function chargedWrongly(payments: readonly PaidOrder[], ledger: readonly LedgerEntry[]): string[] {
  const byOrder = Map.groupBy(payments, ({ order_id }) => order_id)
  return [...byOrder].flatMap(([order, tries]) => {
    const references = new Set(tries.map(({ payment }) => payment))
    const entries = ledger.filter(({ reference }) => references.has(reference))
    const charges = entries.filter(({ kind }) => kind === 'charge').length
    const net = entries.reduce((sum, { amount_minor }) => sum + amount_minor, 0)
    const [{ order_status, total_minor } = { order_status: '', total_minor: 0 }] = tries
    const declined = tries.every(({ status }) => status === 'declined')
    const due = order_status === 'cancelled' || declined ? 0 : total_minor
    if (charges <= 1 && net === due) return []
    return [`${order}, ${order_status}: ${charges} charges, ${net} in place of ${due}`]
  })
}
