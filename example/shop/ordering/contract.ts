import { z } from 'zod'
import { defineCommand, defineEvent, defineQuery } from '../../../src/operation/contract.ts'
import { defineList, equals, oneOf, range } from '../../../src/operation/list-contract.ts'
import { conflict, invalid, notFound } from '../../../src/operation/problem.ts'
import { reservationProblems, wantedLines } from '../catalog/contract.ts'
import { Card } from '../fraud/contract.ts'
import { orderId, productId } from '../shared/boundary-id.ts'
import { country } from '../shared/country.ts'

export const orderStatus = z.enum(['placed', 'held', 'cancelled'])

export const paymentStatus = z.enum(['unpaid', 'pending', 'paid', 'declined', 'voided', 'refunded'])

export const OrderLine = z.object({
  product_id: productId.output,
  sku: z.string(),
  name: z.string(),
  unit_price_minor: z.int(),
  quantity: z.int(),
  line_total_minor: z.int(),
})

export const OrderSummary = z.object({
  id: orderId.output,
  customer_id: z.string(),
  email: z.string().nullable(),
  /** Where it goes. */
  country: z.string().nullable(),
  status: orderStatus,
  payment_status: paymentStatus,
  currency: z.string(),
  total_minor: z.int(),
  placed_at: z.iso.datetime(),
  cancelled_at: z.iso.datetime().nullable(),
  /** From then on it cannot be cancelled. */
  shipped_at: z.iso.datetime().nullable(),
})

export const Order = OrderSummary.extend({ lines: z.array(OrderLine) })

const orderNotFound = notFound('No such order')

export const PlaceOrder = defineCommand({
  name: 'ordering.place-order',
  http: 'POST /v1/orders',
  summary: 'Place an order',
  description: [
    'Takes the pieces from the stock at the prices of this moment, all of them or none. An order that',
    'looks unusual is held until somebody has looked at it: its status is `held`.',
  ].join(' '),
  status: 201,
  input: z.object({
    lines: wantedLines,
    email: z.email().max(254).optional().meta({ description: 'Where the confirmation goes.' }),
    country: country.optional().meta({ description: 'Where the order goes: ISO 3166-1 alpha-2.' }),
    card: Card.optional().meta({ description: 'The card as the payment provider names it.' }),
  }),
  output: Order,
  problems: {
    ...reservationProblems,
    mixedCurrencies: invalid('An order has one currency', {
      description: 'Place one order for each currency.',
    }),
  },
  examples: [{ summary: 'Two rugs', input: { lines: [{ sku: 'GLA-RUG-00001', quantity: 2 }] } }],
})

export const GetOrder = defineQuery({
  name: 'ordering.get-order',
  http: 'GET /v1/orders/{id}',
  summary: 'One order with its lines',
  input: z.object({ id: orderId.input }),
  output: Order,
  problems: { orderNotFound },
})

export const ListOrders = defineList({
  name: 'ordering.list-orders',
  http: 'GET /v1/orders',
  summary: 'Orders, newest first',
  description: 'A customer sees its own orders; whoever serves the tenant sees all of them.',
  item: OrderSummary,
  filter: {
    status: oneOf('placed', 'held', 'cancelled'),
    customer_id: equals(z.string().min(1).max(200)),
    placed_at: range(z.iso.datetime()),
  },
  sort: ['placed_at desc', 'placed_at asc'],
})

export const CancelOrder = defineCommand({
  name: 'ordering.cancel-order',
  http: 'POST /v1/orders/{id}/cancel',
  summary: 'Cancel an order',
  description: 'Puts its pieces back into the stock, once.',
  input: z.object({ id: orderId.input }),
  output: Order,
  problems: {
    orderNotFound,
    orderNotCancellable: conflict('The order can no longer be cancelled'),
  },
})

/** For the review of orders, inside its transaction: an order that was held counts as placed now. */
export const ReleaseOrder = defineCommand({
  name: 'ordering.release-order',
  summary: 'Let an order that was held go on',
  input: z.object({ id: z.uuid() }),
  output: z.object({}),
  problems: { orderNotHeld: conflict('The order is not held') },
})

export const payableProblems = {
  orderNotFound,
  orderNotPayable: conflict(
    'The order cannot be paid for',
    z.object({ order_status: orderStatus, payment_status: paymentStatus }),
    { description: 'It is held, cancelled, paid for or about to be, or costs nothing.' },
  ),
}

/** Takes the order for a payment: until that one was declined there is no other. */
export const BeginPayment = defineCommand({
  name: 'ordering.begin-payment',
  summary: 'Take an order for a payment',
  idempotency: 'natural',
  input: z.object({ id: orderId.input }),
  output: z.object({ customer_id: z.string(), currency: z.string(), total_minor: z.int() }),
  problems: payableProblems,
})

export const NotePayment = defineCommand({
  name: 'ordering.note-payment',
  summary: 'Show on an order what its payment has come to',
  idempotency: 'natural',
  input: z.object({ id: orderId.input, payment_status: paymentStatus }),
  output: z.object({}),
})

export const shippingProblems = {
  orderNotFound,
  orderNotShippable: conflict(
    'The order cannot be shipped',
    z.object({ order_status: orderStatus, payment_status: paymentStatus, shipped: z.boolean() }),
    {
      description: 'It is held, cancelled, not paid for, or shipped already.',
      // The money may be on its way: the same request may be sent again.
      transient: true,
    },
  ),
}

/** For shipping, inside its transaction: from now on the order cannot be cancelled. */
export const ShipOrder = defineCommand({
  name: 'ordering.ship-order',
  summary: 'Note that an order is being shipped',
  input: z.object({ id: z.uuid() }),
  output: z.object({ customer_id: z.string() }),
  problems: shippingProblems,
})

const EventLine = z.object({
  product_id: z.uuid(),
  sku: z.string(),
  quantity: z.int(),
  unit_price_minor: z.int(),
})

/** Events carry uuids: they stay inside, prefixes are for the boundary. */
const OrderFacts = z.object({
  order_id: z.uuid(),
  customer_id: z.string(),
  currency: z.string(),
  total_minor: z.int(),
  lines: z.array(EventLine),
})

export const OrderPlaced = defineEvent({
  name: 'ordering.order-placed',
  payload: OrderFacts,
  key: (order) => order.order_id,
})

export const OrderCancelled = defineEvent({
  name: 'ordering.order-cancelled',
  payload: OrderFacts,
  key: (order) => order.order_id,
})
