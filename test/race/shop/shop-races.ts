/**
 * The shop's commands against themselves and those that write a table of theirs. What each pair must
 * leave is what some order of the two leaves, and the books.
 */
import { app } from '../../../example/shop/app.ts'
import {
  AdjustStock,
  CreateProduct,
  UpdateProduct,
} from '../../../example/shop/catalog/contract.ts'
import { ApproveOrder, RejectOrder } from '../../../example/shop/fraud/contract.ts'
import { CancelOrder, PlaceOrder } from '../../../example/shop/ordering/contract.ts'
import { PayOrder } from '../../../example/shop/payments/contract.ts'
import { orderId, productId } from '../../../example/shop/shared/boundary-id.ts'
import { CreateShipment } from '../../../example/shop/shipping/contract.ts'
import type { Asking } from '../../../src/prove/app/open-app.ts'
import { call, type ScenarioCall, scenario } from '../../../src/prove/app/scenario.ts'
import type { Race } from '../../../src/prove/race.ts'

const uuid = (n: number) => `01970000-0000-7000-8000-00000000000${n}`
const [lamp, rug] = [uuid(1), uuid(2)]
const [placed, held, paid] = [uuid(3), uuid(4), uuid(5)].map(orderId.ids.encode) as [
  string,
  string,
  string,
]

/** Three lamps and one rug are left; Ann has an order of two lamps, one that is held, and one that is paid for. */
const seed = `
SELECT set_config('holdfast.tenant', 'acme', false);
INSERT INTO products (id, sku, name, price_minor, currency, stock) VALUES
  ('${lamp}', 'LAMP', 'Lamp', 1000, 'EUR', 3), ('${rug}', 'RUG', 'Rug', 5000, 'EUR', 1);
INSERT INTO orders (id, customer_id, status, payment_status, currency, total_minor) VALUES
  ('${uuid(3)}', 'ann', 'placed', 'unpaid', 'EUR', 2000),
  ('${uuid(4)}', 'ann', 'held', 'unpaid', 'EUR', 1000),
  ('${uuid(5)}', 'ann', 'placed', 'paid', 'EUR', 1000);
INSERT INTO order_lines (order_id, line_no, product_id, sku, name, unit_price_minor, quantity) VALUES
  ('${uuid(3)}', 1, '${lamp}', 'LAMP', 'Lamp', 1000, 2),
  ('${uuid(4)}', 1, '${lamp}', 'LAMP', 'Lamp', 1000, 1),
  ('${uuid(5)}', 1, '${lamp}', 'LAMP', 'Lamp', 1000, 1);
INSERT INTO fraud_assessments (order_id, customer_id, total_minor, currency, score, reasons, status) VALUES
  ('${uuid(4)}', 'ann', 1000, 'EUR', 100, '[]', 'open')`

/** Pieces that nobody has adjusted: those in the stock, and those that orders have taken. */
const pieces = `SELECT p.sku FROM products p LEFT JOIN LATERAL (
    SELECT sum(l.quantity) AS quantity FROM order_lines l
    JOIN orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)
    WHERE l.product_id = p.id AND o.status <> 'cancelled') taken ON true
  WHERE p.stock + coalesce(taken.quantity, 0) <> CASE p.sku WHEN 'LAMP' THEN 7 WHEN 'RUG' THEN 1 ELSE p.stock END`

const books = {
  'the total of an order is that of its lines': `SELECT o.id FROM orders o
    JOIN order_lines l ON (l.tenant_id, l.order_id) = (o.tenant_id, o.id)
    GROUP BY o.id, o.total_minor HAVING sum(l.line_total_minor) <> o.total_minor`,
  'what is shipped is paid for, and not cancelled': `SELECT o.id FROM orders o
    JOIN shipments s ON (s.tenant_id, s.order_id) = (o.tenant_id, o.id)
    WHERE o.status <> 'placed' OR o.payment_status <> 'paid'`,
  'an order has one payment that was not refused': `SELECT order_id FROM payments
    WHERE status <> 'declined' GROUP BY tenant_id, order_id HAVING count(*) > 1`,
}
const stock = { ...books, 'every piece is in the stock or in an order': pieces }

const ann: Asking = { tenant: 'acme', principal: 'ann' }
const bob: Asking = { tenant: 'acme', principal: 'bob' }

const place = (sku: string, quantity: number, asking = bob) =>
  call(PlaceOrder, { lines: [{ sku, quantity }] }, asking)
const cancel = (id: string) => call(CancelOrder, { id }, ann)
const pay = call(PayOrder, { id: placed, source: 'src_card' }, ann)
const approve = call(ApproveOrder, { id: held }, bob)
const reject = call(RejectOrder, { id: held }, bob)
const ship = call(CreateShipment, { id: paid, carrier: 'DHL' }, bob)
const create = call(
  CreateProduct,
  { sku: 'VASE', name: 'Vase', price_minor: 100, currency: 'EUR' },
  bob,
)
const update = (name: string) =>
  call(UpdateProduct, { id: productId.ids.encode(lamp), name }, { ...bob, ifMatch: '1' })
const adjust = (change: number) =>
  call(AdjustStock, { id: productId.ids.encode(lamp), change }, bob)

function pair(one: ScenarioCall, two: ScenarioCall, invariants: Race['invariants'] = stock): Race {
  return scenario({ app, seed, run: { one, two }, ...(invariants && { invariants }) })
}

export const races: Readonly<Record<string, Race>> = {
  'two orders of the last piece': pair(place('RUG', 1), place('RUG', 1, ann)),
  'two orders of one customer': pair(place('LAMP', 2), place('LAMP', 1)),
  'an order cancelled twice': pair(cancel(placed), cancel(placed)),
  'an order cancelled, and its pieces ordered': pair(cancel(placed), place('LAMP', 4)),
  'an order paid for twice': pair(pay, pay),
  'an order paid for and cancelled': pair(pay, cancel(placed)),
  'a review approved twice': pair(approve, approve),
  'a review approved and rejected': pair(approve, reject),
  'a held order rejected and cancelled': pair(reject, cancel(held)),
  'an order shipped twice': pair(ship, ship),
  'an order shipped and cancelled': pair(ship, cancel(paid)),
  'one SKU for two products': pair(create, create),
  'a product changed twice': pair(update('A'), update('B')),
  'stock adjusted twice': pair(adjust(-2), adjust(-2), books),
  'stock adjusted, and ordered': pair(adjust(-3), place('LAMP', 3), books),
}
