import { z } from 'zod'
import {
  defineCommand,
  defineEvent,
  defineJob,
  defineQuery,
} from '../../../src/operation/contract.ts'
import { conflict, notFound } from '../../../src/operation/problem.ts'
import { payableProblems } from '../ordering/contract.ts'
import { orderId, paymentId } from '../shared/boundary-id.ts'

export const paymentStatus = z.enum([
  'pending',
  'authorized',
  'declined',
  'captured',
  'voided',
  'refunded',
])
const paymentGoal = z.enum(['paid', 'released'])

export const Payment = z.object({
  id: paymentId.output,
  order_id: orderId.output,
  status: paymentStatus,
  amount_minor: z.int(),
  currency: z.string(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
})

export const PayOrder = defineCommand({
  name: 'payments.pay-order',
  http: 'POST /v1/orders/{id}/pay',
  summary: 'Pay an order',
  description:
    'Answers at once: the provider is asked afterwards, and `GET /v1/orders/{id}/payment` tells what it said.',
  status: 202,
  input: z.object({
    id: orderId.input,
    source: z
      .string()
      .regex(/^src_[a-z0-9_]{1,60}$/, 'must be a token of the payment provider, src_...')
      .meta({ description: 'What the provider gave for the card.', examples: ['src_card'] }),
  }),
  output: Payment,
  problems: payableProblems,
})

const paymentNotFound = notFound('No payment')

export const GetPayment = defineQuery({
  name: 'payments.get-payment',
  http: 'GET /v1/orders/{id}/payment',
  summary: 'The latest payment of an order',
  input: z.object({ id: orderId.input }),
  output: Payment,
  problems: { paymentNotFound },
})

export const GetPaymentTotals = defineQuery({
  name: 'payments.get-totals',
  http: 'GET /v1/payment-totals',
  summary: 'What was charged and refunded, for each currency',
  input: z.object({}),
  output: z.object({
    data: z.array(
      z.object({
        currency: z.string(),
        charges: z.int(),
        refunds: z.int(),
        charged_minor: z.int(),
        refunded_minor: z.int(),
        net_minor: z.int(),
      }),
    ),
  }),
})

/** A payment as the provider tells it; `reference` is our id, `version` counts its changes there. */
export const ProviderState = z.looseObject({
  id: z.string().min(1).max(200),
  reference: z.uuid(),
  status: paymentStatus.exclude(['pending']),
  amount_minor: z.int(),
  currency: z.string(),
  version: z.int().min(1),
})

export const ReceiveWebhook = defineCommand({
  name: 'payments.receive-webhook',
  http: 'POST /v1/webhooks/payments',
  summary: 'What the payment provider has to tell',
  description:
    'Signed by Standard Webhooks. A message that comes again is answered and not done again.',
  input: z.looseObject({
    type: z.string().max(100),
    timestamp: z.string().max(40),
    data: z.looseObject({}),
  }),
  output: z.object({ outcome: z.enum(['applied', 'stale', 'unknown', 'ignored']) }),
})

/** Whoever hears of a state tells it here: the reply to a step, a webhook, a look-up. */
export const NoteProviderState = defineCommand({
  name: 'payments.note-provider-state',
  summary: 'Move a payment to what the provider says',
  idempotency: 'natural',
  input: z.object({ state: ProviderState, via: z.enum(['reply', 'webhook', 'reconcile']) }),
  output: z.object({ outcome: z.enum(['applied', 'stale', 'unknown']) }),
  problems: {
    paymentDiffers: conflict('The provider tells of another amount, or of a way that there is not'),
  },
})

export const FindPayment = defineQuery({
  name: 'payments.find-payment',
  summary: 'A payment, for the jobs that bring it to its goal',
  input: z.object({ payment_id: z.uuid() }),
  output: z.object({
    status: paymentStatus,
    goal: paymentGoal,
    source: z.string(),
    amount_minor: z.int(),
    currency: z.string(),
    provider_id: z.string().nullable(),
  }),
  problems: { paymentNotFound },
})

export const FollowUp = defineCommand({
  name: 'payments.follow-up',
  summary: 'See to it that a payment which is not decided is gone on with',
  idempotency: 'natural',
  input: z.object({ payment_id: z.uuid(), round: z.int().min(1) }),
  output: z.object({ decided: z.boolean() }),
  problems: { paymentNotFound },
})

/** Outbound: a few slow payments must not hold up the mails. */
const queue = 'payments'

export const AdvancePayment = defineJob({
  name: 'payments.advance-payment',
  summary: 'Ask the provider for the next step to the goal of a payment',
  payload: z.object({ payment_id: z.uuid() }),
  queue,
  backoff: { baseMs: 200, capMs: 60_000 },
  timeoutMs: 20_000,
})

export const ReconcilePayment = defineJob({
  name: 'payments.reconcile-payment',
  summary: 'Ask the provider, by key, what has become of a payment that is not decided',
  payload: z.object({ payment_id: z.uuid(), round: z.int().min(1) }),
  key: ({ payment_id }) => payment_id,
  queue,
  backoff: { baseMs: 1_000, capMs: 60_000 },
  timeoutMs: 20_000,
})

export const PaymentMoved = defineEvent({
  name: 'payments.payment-moved',
  summary: 'A payment has come to another state',
  payload: z.object({
    payment_id: z.uuid(),
    order_id: z.uuid(),
    status: paymentStatus,
    amount_minor: z.int(),
    currency: z.string(),
  }),
  key: ({ order_id }) => order_id,
})
