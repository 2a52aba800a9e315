/**
 * The rules, as pure functions of what is known: each says what it saw and what that weighs. No
 * single habit of a buyer holds an order; a blocklist entry or a card that is passed around does.
 */
import type { z } from 'zod'
import type { AssessOrder, Reason, Signals } from './contract.ts'

export type OrderFacts = z.output<(typeof AssessOrder)['input']>
type Known = z.output<typeof Signals>
type Found = z.output<typeof Reason>

/** From this score on a person looks. */
export const REVIEW_SCORE = 60

interface Rule {
  readonly name: string
  readonly score: number
  /** What it saw; undefined where it has nothing to say. */
  see(order: OrderFacts, known: Known): string | undefined
}

const CUSTOMER_ORDERS_PER_HOUR = 10
const CARD_ORDERS_PER_HOUR = 5
const CUSTOMERS_PER_CARD = 2
/** Fewer earlier orders say nothing about what is usual. */
const HISTORY_ORDERS_MIN = 3
const UNUSUAL_FACTOR = 5

const rules: readonly Rule[] = [
  {
    name: 'customer-velocity',
    score: 30,
    see: (_, { customer_orders: count }) =>
      count >= CUSTOMER_ORDERS_PER_HOUR
        ? `The customer has placed ${count} orders in the last hour.`
        : undefined,
  },
  {
    name: 'card-velocity',
    score: 60,
    see: (_, { card_orders: count }) =>
      count >= CARD_ORDERS_PER_HOUR
        ? `The card was used for ${count} orders in the last hour.`
        : undefined,
  },
  {
    name: 'card-shared',
    score: 40,
    see: (_, { card_customers: count }) =>
      count > CUSTOMERS_PER_CARD
        ? `${count} customers have used the card in the last day.`
        : undefined,
  },
  { name: 'amount-unusual', score: 25, see: unusualAmount },
  {
    name: 'country-mismatch',
    score: 35,
    see: ({ country, card }) =>
      country !== undefined && card?.country !== undefined && card.country !== country
        ? `The card is from ${card.country}, the order goes to ${country}.`
        : undefined,
  },
  {
    name: 'blocklist',
    score: 100,
    see: (_, { blocked }) =>
      blocked.length > 0
        ? blocked.map(({ kind, reason }) => `The ${kind} is on the blocklist: ${reason}`).join(' ')
        : undefined,
  },
]

function unusualAmount(
  { total_minor, currency }: OrderFacts,
  { history }: Known,
): string | undefined {
  const earlier = history.find((each) => each.currency === currency)
  if (earlier === undefined || earlier.orders < HISTORY_ORDERS_MIN) return undefined
  if (total_minor <= UNUSUAL_FACTOR * earlier.largest_minor) return undefined
  return `The order is over ${UNUSUAL_FACTOR} times the largest of the last ${earlier.orders}.`
}

/** Everything that speaks against an order. */
export function reasonsAgainst(order: OrderFacts): readonly Found[] {
  return rules.flatMap(({ name: rule, score, see }) => {
    const detail = see(order, order.signals)
    return detail === undefined ? [] : [{ rule, score, detail }]
  })
}

export function scoreOf(reasons: readonly Found[]): number {
  return reasons.reduce((sum, { score }) => sum + score, 0)
}
