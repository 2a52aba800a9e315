import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { instant } from '../shared/instant.ts'
import { shop } from '../shop.ts'
import { AssessOrder, LookAtBuyer, type Signals } from './contract.ts'
import { type OrderFacts, REVIEW_SCORE, reasonsAgainst, scoreOf } from './rules.ts'

type Known = (typeof Signals)['_input']

export const lookAtBuyer = shop.handle(LookAtBuyer, {
  allow: may('orders:write'),
  // Each statement sees what was committed before it: the locks come first, then the counts.
  isolation: 'read committed',
  async run({ input, tx, scope }) {
    const buyer = { ...input, customer: scope.principal.id }
    const [, known] = await Promise.all([tx.query(waitForSameBuyer(buyer)), tx.one(knownOf(buyer))])
    return known
  },
})

export const assessOrder = shop.handle(AssessOrder, {
  allow: may('orders:write'),
  isolation: 'read committed',
  run({ input, tx, scope }) {
    const reasons = reasonsAgainst(input)
    const score = scoreOf(reasons)
    const held = score >= REVIEW_SCORE
    tx.defer(sql`
      INSERT INTO fraud_assessments (order_id, customer_id, card_fingerprint, total_minor, currency,
        score, reasons, status, assessed_at)
      VALUES (${input.order_id}, ${scope.principal.id}, ${cardOf(input)}, ${input.total_minor},
        ${input.currency}, ${score}, ${JSON.stringify(reasons)}, ${held ? 'open' : 'accepted'},
        ${instant(scope.clock.now())})`)
    return { held }
  },
})

interface Buyer extends Pick<OrderFacts, 'email' | 'country' | 'card'> {
  readonly customer: string
}

function cardOf({ card }: Pick<Buyer, 'card'>): string | null {
  return card?.fingerprint ?? null
}

/**
 * Orders of one customer, or with one card, go one after the other until they commit: of twenty sent
 * at once each would count none of the others. Locks are taken in one order by everybody, and before
 * any row of a product.
 */
function waitForSameBuyer(buyer: Buyer): Sql {
  const subjects = [`customer ${buyer.customer}`, `card ${cardOf(buyer)}`]
  const locked = subjects.slice(0, cardOf(buyer) === null ? 1 : 2)
  return sql`
    SELECT pg_advisory_xact_lock(key)::text FROM (
      SELECT DISTINCT hashtextextended(holdfast.tenant() || ' ' || subject, 0) AS key
      FROM unnest(${locked}::text[]) AS subject ORDER BY key LIMIT 2) AS keys`.bounded(2)
}

/** More than this changes no decision. */
const COUNT_MAX = 200
const HISTORY_MAX = 50

function knownOf(buyer: Buyer): Sql<Known> {
  const card = cardOf(buyer)
  return sql<Known>`
    SELECT
      (SELECT count(*)::integer FROM (
        SELECT FROM fraud_assessments
        WHERE customer_id = ${buyer.customer} AND assessed_at > now() - interval '1 hour'
        LIMIT ${COUNT_MAX}) AS recent) AS customer_orders,
      (SELECT count(*)::integer FROM (
        SELECT FROM fraud_assessments
        WHERE card_fingerprint = ${card} AND assessed_at > now() - interval '1 hour'
        LIMIT ${COUNT_MAX}) AS recent) AS card_orders,
      (SELECT count(DISTINCT customer_id)::integer FROM (
        SELECT customer_id FROM fraud_assessments
        WHERE card_fingerprint = ${card} AND assessed_at > now() - interval '1 day'
        LIMIT ${COUNT_MAX}) AS recent WHERE customer_id <> ${buyer.customer})
        + CASE WHEN ${card}::text IS NULL THEN 0 ELSE 1 END AS card_customers,
      (SELECT coalesce(jsonb_agg(by_currency), '[]') FROM (
        SELECT currency, count(*)::integer AS orders, max(total_minor) AS largest_minor FROM (
          SELECT currency, total_minor FROM fraud_assessments
          WHERE customer_id = ${buyer.customer} ORDER BY assessed_at DESC LIMIT ${HISTORY_MAX}
        ) AS latest GROUP BY currency) AS by_currency) AS history,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'reason', reason)), '[]')
        FROM fraud_blocklist
        WHERE (kind, value) IN (('customer', ${buyer.customer}), ('card', ${card}),
          ('email', ${buyer.email?.toLowerCase() ?? null}), ('country', ${buyer.country ?? null}))
      ) AS blocked`.bounded(1)
}
