/** Where every race of the shop begins, and its books. */
import { createHash } from 'node:crypto'
import type { PaymentState } from '../../../example/shop/payments/payment-provider-client.ts'

export const uuid = (n: number) => `01970000-0000-7000-8000-${String(n).padStart(12, '0')}`

export const ids = {
  ...{ lamp: uuid(1), rug: uuid(2) },
  /** Orders of Ann. The cancelled one has a payment that nobody has released yet. */
  ...{
    placed: uuid(3),
    held: uuid(4),
    paid: uuid(5),
    paying: uuid(6),
    cancelled: uuid(7),
    shipped: uuid(8),
  },
  /** Their payments. */
  ...{ pending: uuid(16), authorized: uuid(17) },
  shipment: uuid(28),
  block: uuid(29),
  /** Two imports of the same products, and the bodies of two that are about to begin. */
  ...{ imports: [uuid(31), uuid(32)] as const, files: [uuid(41), uuid(42)] as const },
  bodies: [uuid(43), uuid(44)] as const,
}

export const csv = (lamp: string) =>
  `sku,name,price_minor,currency,stock\nLAMP,${lamp},1100,EUR,0\nVASE,Vase,100,EUR,5\n`

/** A body that was sent as a stream; in the role of the app. */
export function staged(id: string, text: string, adopted: boolean): string {
  const hex = Buffer.from(text).toString('hex')
  const sha256 = createHash('sha256').update(text).digest('hex')
  return `
INSERT INTO holdfast.staged_contents (id, content_type, bytes, sha256, adopted, expires_at)
  VALUES ('${id}', 'text/csv', ${text.length}, '\\x${sha256}', ${adopted}, now() + interval '1 day');
INSERT INTO holdfast.staged_chunks (content, at, bytes) VALUES ('${id}', 0, '\\x${hex}');`
}

function importOf(n: 0 | 1, text: string): string {
  const [id, file] = [ids.imports[n], ids.files[n]]
  return `${staged(file, text, true)}
INSERT INTO product_imports (id, requested_by, file, file_bytes, file_sha256)
  VALUES ('${id}', 'bob', '${file}', ${text.length}, 'x');`
}

function order(id: string, lamps: number, columns: string): string {
  return `
INSERT INTO orders (id, customer_id, email, status, payment_status, shipped_at, cancelled_at, currency, total_minor)
  VALUES ('${id}', 'ann', 'ann@shop.example', ${columns}, 'EUR', ${lamps * 1000});
INSERT INTO order_lines (order_id, line_no, product_id, sku, name, unit_price_minor, quantity)
  VALUES ('${id}', 1, '${ids.lamp}', 'LAMP', 'Lamp', 1000, ${lamps});`
}

/** Three lamps and one rug are left. */
export const seed = `
SELECT set_config('holdfast.tenant', 'acme', false);
INSERT INTO products (id, sku, name, price_minor, currency, stock) VALUES
  ('${ids.lamp}', 'LAMP', 'Lamp', 1000, 'EUR', 3), ('${ids.rug}', 'RUG', 'Rug', 5000, 'EUR', 1);
${order(ids.placed, 2, `'placed', 'unpaid', NULL, NULL`)}
${order(ids.held, 1, `'held', 'unpaid', NULL, NULL`)}
${order(ids.paid, 1, `'placed', 'paid', NULL, NULL`)}
${order(ids.paying, 1, `'placed', 'pending', NULL, NULL`)}
${order(ids.cancelled, 1, `'cancelled', 'pending', NULL, now()`)}
${order(ids.shipped, 1, `'placed', 'paid', now(), NULL`)}
INSERT INTO payments (id, order_id, customer_id, source, amount_minor, currency, status, provider_id, provider_version)
  VALUES ('${ids.pending}', '${ids.paying}', 'ann', 'src_card', 1000, 'EUR', 'pending', NULL, 0),
    ('${ids.authorized}', '${ids.cancelled}', 'ann', 'src_card', 1000, 'EUR', 'authorized', 'pp_1', 1);
INSERT INTO fraud_assessments (order_id, customer_id, total_minor, currency, score, reasons, status)
  VALUES ('${ids.held}', 'ann', 1000, 'EUR', 100, '[]', 'open');
INSERT INTO fraud_blocklist (id, kind, value, reason, added_by)
  VALUES ('${ids.block}', 'country', 'AQ', 'nobody lives there', 'bob');
INSERT INTO shipments (id, order_id, customer_id, carrier) VALUES ('${ids.shipment}', '${ids.shipped}', 'ann', 'DHL');
INSERT INTO shipment_moves (shipment_id, no, status) VALUES ('${ids.shipment}', 1, 'created');
SET ROLE holdfast_app;
${importOf(0, csv('Desk lamp'))}
${importOf(1, csv('Floor lamp'))}
${ids.bodies.map((id) => staged(id, csv('Lamp'), false)).join('')}
RESET ROLE`

/** What the provider has known from the start. */
export const known: readonly PaymentState[] = [
  {
    ...{ id: 'pp_1', reference: ids.authorized, status: 'authorized', version: 1 },
    ...{ amount_minor: 1000, currency: 'EUR' },
  },
]

/** Pieces that nobody has adjusted: those in the stock, and those that orders have taken. */
const pieces = `SELECT p.sku FROM products p LEFT JOIN LATERAL (
    SELECT sum(l.quantity) AS quantity FROM order_lines l
    JOIN orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)
    WHERE l.product_id = p.id AND o.status <> 'cancelled') taken ON true
  WHERE p.stock + coalesce(taken.quantity, 0) <> CASE p.sku WHEN 'LAMP' THEN 9 WHEN 'RUG' THEN 1 ELSE p.stock END`

export const books = {
  'the total of an order is that of its lines': `SELECT o.id FROM orders o
    JOIN order_lines l ON (l.tenant_id, l.order_id) = (o.tenant_id, o.id)
    GROUP BY o.id, o.total_minor HAVING sum(l.line_total_minor) <> o.total_minor`,
  'what is shipped is paid for, and not cancelled': `SELECT o.id FROM orders o
    JOIN shipments s ON (s.tenant_id, s.order_id) = (o.tenant_id, o.id)
    WHERE o.status <> 'placed' OR o.payment_status <> 'paid'`,
  'an order has one payment that was not refused': `SELECT order_id FROM payments
    WHERE status <> 'declined' GROUP BY tenant_id, order_id HAVING count(*) > 1`,
  'what was charged is on the books': `SELECT p.id FROM payments p
    LEFT JOIN payment_ledger l ON (l.tenant_id, l.payment_id) = (p.tenant_id, p.id)
    GROUP BY p.tenant_id, p.id, p.status, p.amount_minor
    HAVING coalesce(sum(l.amount_minor), 0) <> CASE p.status WHEN 'captured' THEN p.amount_minor ELSE 0 END`,
}

export const stock = { ...books, 'every piece is in the stock or in an order': pieces }
