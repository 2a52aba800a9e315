/**
 * The shop's commands, jobs and subscriptions against themselves and those that write a table of
 * theirs. What each pair must leave is what some order of the two leaves, and the books.
 */
import { app } from '../../../example/shop/app.ts'
import {
  AdjustStock,
  CreateProduct,
  UpdateProduct,
} from '../../../example/shop/catalog/contract.ts'
import { ImportBatch, ImportProducts } from '../../../example/shop/catalog/import-contract.ts'
import {
  AddBlock,
  ApproveOrder,
  RejectOrder,
  RemoveBlock,
} from '../../../example/shop/fraud/contract.ts'
import { withdrawReview } from '../../../example/shop/fraud/index.ts'
import {
  SendConfirmation,
  SendReceipt,
  SendShippingNotice,
} from '../../../example/shop/notifications/contract.ts'
import { noticeShipments, receiptPayments } from '../../../example/shop/notifications/index.ts'
import type { Mail } from '../../../example/shop/notifications/mailer.ts'
import {
  CancelOrder,
  OrderCancelled,
  OrderPlaced,
  PlaceOrder,
} from '../../../example/shop/ordering/contract.ts'
import {
  AdvancePayment,
  PaymentMoved,
  PayOrder,
  ReceiveWebhook,
  ReconcilePayment,
} from '../../../example/shop/payments/contract.ts'
import { releaseCancelled } from '../../../example/shop/payments/index.ts'
import {
  BuildDailySales,
  WriteDailySales,
} from '../../../example/shop/reporting/daily-sales-contract.ts'
import { countCancelled, countPlaced } from '../../../example/shop/reporting/index.ts'
import {
  blockId,
  orderId,
  productId,
  shipmentId,
} from '../../../example/shop/shared/boundary-id.ts'
import {
  CreateShipment,
  MoveShipment,
  ShipmentMoved,
} from '../../../example/shop/shipping/contract.ts'
import { registryOf } from '../../../src/prove/app/app-registry.ts'
import type { Asking } from '../../../src/prove/app/open-app.ts'
import { call, type ScenarioStep, scenario } from '../../../src/prove/app/scenario.ts'
import { deliver, runJob } from '../../../src/prove/app/work.ts'
import type { Race, RaceWorld } from '../../../src/prove/race.ts'
import { providerIn } from './provider.ts'
import { books, ids, known, seed, stock } from './shop-seed.ts'

const tenant = 'acme'
const ann: Asking = { tenant, principal: 'ann' }
const bob: Asking = { tenant, principal: 'bob' }

const order = orderId.ids.encode
const lamp = productId.ids.encode(ids.lamp)

const place = (sku: string, quantity: number, asking = bob) =>
  call(PlaceOrder, { lines: [{ sku, quantity }] }, asking)
const cancel = (id: string) => call(CancelOrder, { id: order(id) }, ann)
const pay = call(PayOrder, { id: order(ids.placed), source: 'src_card' }, ann)
const approve = call(ApproveOrder, { id: order(ids.held) }, bob)
const reject = call(RejectOrder, { id: order(ids.held) }, bob)
const payHeld = call(PayOrder, { id: order(ids.held), source: 'src_card' }, ann)
const block = call(AddBlock, { kind: 'customer', value: 'bob', reason: 'asks for it' }, ann)
const unblock = call(RemoveBlock, { id: blockId.ids.encode(ids.block) }, bob)
const ship = call(CreateShipment, { id: order(ids.paid), carrier: 'DHL' }, bob)
const shipPaying = call(CreateShipment, { id: order(ids.paying), carrier: 'DHL' }, bob)
const move = (status: 'handed_over' | 'in_transit') =>
  call(MoveShipment, { id: shipmentId.ids.encode(ids.shipment), status }, bob)
const create = call(
  CreateProduct,
  { sku: 'VASE', name: 'Vase', price_minor: 100, currency: 'EUR' },
  bob,
)
const update = (name: string) => call(UpdateProduct, { id: lamp, name }, { ...bob, ifMatch: '1' })
const adjust = (change: number) => call(AdjustStock, { id: lamp, change }, bob)
const takeIn = (file: string) => call(ImportProducts, { file }, bob)
const report = call(BuildDailySales, { date: '2026-01-05' }, bob)

const webhook = (status: 'authorized' | 'captured', version: number) =>
  call(
    ReceiveWebhook,
    {
      type: `payment.${status}`,
      timestamp: '2026-01-05T08:00:00Z',
      data: {
        ...{ id: `pp_${ids.pending}`, reference: ids.pending, status, version },
        ...{ amount_minor: 1000, currency: 'EUR' },
      },
    },
    { tenant, principal: 'payment-provider', key: `msg_${version}` },
  )

const confirmation = runJob(SendConfirmation, { order_id: ids.placed }, { tenant })
const notice = runJob(SendShippingNotice, { shipment_id: ids.shipment }, { tenant })
const money = { amount_minor: 1000, currency: 'EUR' }
const receipt = runJob(
  SendReceipt,
  { payment_id: ids.pending, order_id: ids.paying, ...money },
  { tenant },
)
const advance = (payment_id: string) => runJob(AdvancePayment, { payment_id }, { tenant })
const reconcile = runJob(ReconcilePayment, { payment_id: ids.pending, round: 1 }, { tenant })
const today = new Date().toISOString().slice(0, 10)
const write = runJob(WriteDailySales, { date: today, daily: false }, { tenant })
const batch = (n: 0 | 1) => runJob(ImportBatch, { import_id: ids.imports[n] }, { tenant })

const facts = (order_id: string, quantity: number) => ({
  ...{ order_id, customer_id: 'ann', currency: 'EUR', total_minor: quantity * 1000 },
  lines: [{ product_id: ids.lamp, sku: 'LAMP', quantity, unit_price_minor: 1000 }],
})
const countOne = deliver(OrderPlaced, facts(ids.placed, 2), { tenant, to: countPlaced })
const cancelled = (id: string, to: { readonly name: string }) =>
  deliver(OrderCancelled, facts(id, 1), { tenant, to })
const captured = deliver(
  PaymentMoved,
  { payment_id: ids.pending, order_id: ids.paying, status: 'captured', ...money },
  { tenant, to: receiptPayments },
)
const handedOver = deliver(
  ShipmentMoved,
  { shipment_id: ids.shipment, order_id: ids.shipped, status: 'handed_over' },
  { tenant, to: noticeShipments },
)

const acting: ReadonlySet<string> = new Set(
  [...registryOf(app).jobs.values()].flatMap(({ name, handler }) => (handler.act ? [name] : [])),
)

type Pair = readonly [one: ScenarioStep, two: ScenarioStep, invariants?: Race['invariants']]

/** Whoever looks a payment up again enqueues the next look before it is done itself. */
const seenThrough = {
  ...stock,
  'a payment that is not decided is looked up again': `SELECT id FROM payments
    WHERE id = '${ids.pending}' AND status IN ('pending', 'authorized')
      AND NOT EXISTS (SELECT FROM holdfast.jobs WHERE name = '${ReconcilePayment.name}')
      AND NOT EXISTS (SELECT FROM holdfast.running_jobs WHERE name = '${ReconcilePayment.name}')`,
}

export const pairs: Readonly<Record<string, Pair>> = {
  'two orders of the last piece': [place('RUG', 1), place('RUG', 1, ann)],
  'two orders of one customer': [place('LAMP', 2), place('LAMP', 1)],
  'an order cancelled twice': [cancel(ids.placed), cancel(ids.placed)],
  'an order cancelled, and its pieces ordered': [cancel(ids.placed), place('LAMP', 4)],
  'an order paid for twice': [pay, pay],
  'an order paid for and cancelled': [pay, cancel(ids.placed)],
  'a review approved twice': [approve, approve],
  'a held order approved, and paid for': [approve, payHeld],
  'a review approved and rejected': [approve, reject],
  'a held order rejected and cancelled': [reject, cancel(ids.held)],
  'a customer blocked twice': [block, block],
  'a customer blocked, and an order of theirs': [block, place('LAMP', 1)],
  'an entry unblocked twice': [unblock, unblock],
  'an order shipped twice': [ship, ship],
  'an order shipped and cancelled': [ship, cancel(ids.paid)],
  'an order shipped, and paid for': [shipPaying, webhook('captured', 2)],
  'a shipment moved twice': [move('handed_over'), move('handed_over')],
  'a shipment moved on, and again': [move('handed_over'), move('in_transit')],
  'one SKU for two products': [create, create],
  'a product changed twice': [update('A'), update('B')],
  'stock adjusted twice': [adjust(-2), adjust(-2), books],
  'stock adjusted, and ordered': [adjust(-3), place('LAMP', 3), books],
  'two files taken in': [takeIn(ids.bodies[0]), takeIn(ids.bodies[1])],
  'a report asked for twice': [report, report],

  'a webhook that comes twice': [webhook('authorized', 1), webhook('authorized', 1)],
  'two webhooks of one payment': [webhook('authorized', 1), webhook('captured', 2)],
  'a webhook, and the step that it tells of': [webhook('authorized', 1), advance(ids.pending)],
  'a webhook, and a look-up': [webhook('captured', 2), reconcile, seenThrough],
  'a webhook, and its order cancelled': [webhook('captured', 2), cancel(ids.paying)],

  'a step of a payment by two workers': [advance(ids.pending), advance(ids.pending)],
  'a step of a payment, and its order cancelled': [advance(ids.pending), cancel(ids.paying)],
  'a step of a payment, and a look-up': [advance(ids.pending), reconcile, seenThrough],
  'a look-up by two workers': [reconcile, reconcile, seenThrough],
  'a payment released twice': [
    cancelled(ids.cancelled, releaseCancelled),
    cancelled(ids.cancelled, releaseCancelled),
  ],
  'a payment captured and released': [
    advance(ids.authorized),
    cancelled(ids.cancelled, releaseCancelled),
  ],

  'a confirmation by two workers': [confirmation, confirmation],
  'a confirmation, and its order cancelled': [confirmation, cancel(ids.placed)],
  'a notice by two workers': [notice, notice],
  'a receipt by two workers': [receipt, receipt],
  'a receipt asked for twice': [captured, captured],
  'a notice asked for twice': [handedOver, handedOver],

  'an order counted twice': [countOne, countOne],
  'one order counted, another uncounted': [countOne, cancelled(ids.cancelled, countCancelled)],
  'an order uncounted twice': [
    cancelled(ids.cancelled, countCancelled),
    cancelled(ids.cancelled, countCancelled),
  ],
  'a review withdrawn twice': [
    cancelled(ids.held, withdrawReview),
    cancelled(ids.held, withdrawReview),
  ],
  'a review withdrawn and approved': [cancelled(ids.held, withdrawReview), approve],
  'a report by two workers': [write, write],
  'a report, and an order of its day': [write, place('LAMP', 1)],

  'a batch of an import by two workers': [batch(0), batch(0)],
  'two imports of the same products': [batch(0), batch(1)],
  'an import, and an order of its product': [batch(0), place('LAMP', 3)],
  'an import, and a change of its product': [batch(0), update('A')],
  'an import, and its new product added': [batch(0), create],
  'an import, and a stock adjusted': [batch(0), adjust(-2), books],
}

export const races: Readonly<Record<string, Race>> = Object.fromEntries(
  Object.entries(pairs).map(([name, [one, two, invariants = stock]]) => {
    const serial = !actsOutside(one) && !actsOutside(two)
    return [name, scenario({ app, seed, run: { one, two }, services, invariants, serial })]
  }),
)

/**
 * A job that calls outside is several transactions, and others may act in between: what it promises is
 * that the books are right whatever comes, and not that somebody came first.
 */
function actsOutside(step: ScenarioStep): boolean {
  return 'kind' in step && step.kind === 'job' && acting.has(step.job.name)
}

/** What each pair is a proof of: operations, jobs and subscriptions by their names. */
export const raced: ReadonlySet<string> = new Set(
  Object.values(pairs).flatMap(([one, two]) => [nameOf(one), nameOf(two)]),
)

function nameOf(step: ScenarioStep): string {
  if (!('kind' in step)) return step.operation.name
  return step.kind === 'job' ? step.job.name : step.options.to.name
}

/** Mails are known by their Message-ID, payments by the key of their step. */
function services(world: RaceWorld) {
  return {
    mailer: {
      send: (mail: Mail) =>
        world.call('mail', (sent) => {
          sent.set(mail.messageId, mail.to)
        }),
      close: () => {},
    },
    payments: providerIn(world, known),
  }
}
