import { z } from 'zod'
import { defineCommand, defineQuery } from '../../../src/operation/contract.ts'
import { defineList, equals, oneOf, range } from '../../../src/operation/list-contract.ts'
import { conflict, notFound } from '../../../src/operation/problem.ts'
import { blockId, orderId } from '../shared/boundary-id.ts'
import { country } from '../shared/country.ts'

/** How the payment provider names a card without telling its number. */
export const cardFingerprint = z
  .string()
  .regex(/^[A-Za-z0-9_-]{8,64}$/, 'must be 8 to 64 letters, digits, underscores and dashes')
  .meta({ examples: ['fp_4f8a1c02'] })

export const Card = z.object({ fingerprint: cardFingerprint, country: country.optional() })

const Buyer = z.object({
  email: z.string().optional(),
  country: country.optional(),
  card: Card.optional(),
})

/** What is known of a buyer at the moment of the order; counts are bounded. */
export const Signals = z.object({
  /** Orders in the last hour. */
  customer_orders: z.int(),
  card_orders: z.int(),
  /** Customers that have used the card in the last day. */
  card_customers: z.int(),
  /** The customer's latest orders, by currency. */
  history: z.array(z.object({ currency: z.string(), orders: z.int(), largest_minor: z.int() })),
  blocked: z.array(z.object({ kind: z.string(), reason: z.string() })),
})

/** For ordering, inside its transaction: waits for other orders of the same buyer, then looks. */
export const LookAtBuyer = defineCommand({
  name: 'fraud.look-at-buyer',
  summary: 'What is known of a buyer',
  input: Buyer,
  output: Signals,
})

export const Reason = z.object({ rule: z.string(), score: z.int(), detail: z.string() })

/** For ordering, inside its transaction: decides, and keeps the decision with its reasons. */
export const AssessOrder = defineCommand({
  name: 'fraud.assess-order',
  summary: 'Decide whether an order needs a look',
  input: Buyer.extend({
    order_id: z.uuid(),
    total_minor: z.int(),
    currency: z.string(),
    signals: Signals,
  }),
  output: z.object({ held: z.boolean() }),
})

export const reviewStatus = z.enum(['accepted', 'open', 'approved', 'rejected', 'withdrawn'])

export const Review = z.object({
  order_id: orderId.output,
  customer_id: z.string(),
  total_minor: z.int(),
  currency: z.string(),
  score: z.int(),
  reasons: z.array(Reason),
  status: reviewStatus,
  assessed_at: z.iso.datetime(),
  decided_at: z.iso.datetime().nullable(),
  decided_by: z.string().nullable(),
  note: z.string().nullable(),
})

const reviewNotFound = notFound('No such review')
const reviewDecided = conflict('The review is decided', {
  description: 'Somebody has approved or rejected the order, or it was cancelled.',
})

/** `?status=open` is the queue. */
export const ListReviews = defineList({
  name: 'fraud.list-reviews',
  http: 'GET /v1/fraud/reviews',
  summary: 'What was thought of orders; with status=open, the review queue',
  item: Review,
  filter: {
    status: oneOf('accepted', 'open', 'approved', 'rejected', 'withdrawn'),
    customer_id: equals(z.string().min(1).max(200)),
    assessed_at: range(z.iso.datetime()),
  },
  sort: ['assessed_at desc', 'assessed_at asc'],
})

export const GetReview = defineQuery({
  name: 'fraud.get-review',
  http: 'GET /v1/fraud/reviews/{id}',
  summary: 'What was thought of one order, and why',
  input: z.object({ id: orderId.input }),
  output: Review,
  problems: { reviewNotFound },
})

const Decision = z.object({
  id: orderId.input,
  note: z.string().trim().min(1).max(1000).optional(),
})

export const ApproveOrder = defineCommand({
  name: 'fraud.approve-order',
  http: 'POST /v1/fraud/reviews/{id}/approve',
  summary: 'Let an order that was held go on',
  input: Decision,
  output: Review,
  problems: { reviewNotFound, reviewDecided },
})

export const RejectOrder = defineCommand({
  name: 'fraud.reject-order',
  http: 'POST /v1/fraud/reviews/{id}/reject',
  summary: 'Cancel an order that was held',
  input: Decision,
  output: Review,
  problems: { reviewNotFound, reviewDecided },
})

export const Block = z.object({
  id: blockId.output,
  kind: z.enum(['customer', 'card', 'email', 'country']),
  value: z.string(),
  reason: z.string(),
  added_by: z.string(),
  added_at: z.iso.datetime(),
})

/** Compared letter by letter; an email in lower case. */
export const AddBlock = defineCommand({
  name: 'fraud.add-block',
  http: 'POST /v1/fraud/blocklist',
  summary: 'Hold every order of a customer, a card, an email or a country from now on',
  status: 201,
  input: z.object({
    kind: Block.shape.kind,
    value: z.string().trim().min(1).max(254),
    reason: z.string().trim().min(1).max(500),
  }),
  output: Block,
  problems: {
    alreadyBlocked: conflict('Already on the list', { constraint: 'fraud_blocklist_value_key' }),
  },
})

export const RemoveBlock = defineCommand({
  name: 'fraud.remove-block',
  http: 'DELETE /v1/fraud/blocklist/{id}',
  summary: 'Take an entry off the blocklist',
  idempotency: 'natural',
  input: z.object({ id: blockId.input }),
  output: Block,
  problems: { blockNotFound: notFound('No such entry') },
})

export const ListBlocks = defineList({
  name: 'fraud.list-blocks',
  http: 'GET /v1/fraud/blocklist',
  summary: 'The blocklist, newest first',
  item: Block,
  filter: { kind: oneOf('customer', 'card', 'email', 'country') },
  sort: ['added_at desc', 'added_at asc'],
})
