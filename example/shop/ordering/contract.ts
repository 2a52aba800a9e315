import { z } from 'zod'
import { defineCommand, defineEvent, defineQuery } from '../../../src/operation/contract.ts'
import { defineList, equals, oneOf, range } from '../../../src/operation/list-contract.ts'
import { conflict, invalid, notFound } from '../../../src/operation/problem.ts'
import { reservationProblems, wantedLines } from '../catalog/contract.ts'
import { orderId, productId } from '../shared/boundary-id.ts'

export const orderStatus = z.enum(['placed', 'cancelled'])

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
  status: orderStatus,
  currency: z.string(),
  total_minor: z.int(),
  placed_at: z.iso.datetime(),
  cancelled_at: z.iso.datetime().nullable(),
})

export const Order = OrderSummary.extend({ lines: z.array(OrderLine) })

const orderNotFound = notFound('No such order')

export const PlaceOrder = defineCommand({
  name: 'ordering.place-order',
  http: 'POST /v1/orders',
  summary: 'Place an order',
  description: 'Takes the pieces from the stock at the prices of this moment, all of them or none.',
  status: 201,
  input: z.object({
    lines: wantedLines,
    email: z.email().max(254).optional().meta({ description: 'Where the confirmation goes.' }),
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
    status: oneOf('placed', 'cancelled'),
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
