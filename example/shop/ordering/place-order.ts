import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { ReserveStock } from '../catalog/contract.ts'
import { AssessOrder, LookAtBuyer } from '../fraud/contract.ts'
import { SendConfirmation } from '../notifications/contract.ts'
import { instant } from '../shared/instant.ts'
import { totalMinor } from '../shared/money.ts'
import { shop } from '../shop.ts'
import { OrderPlaced, PlaceOrder } from './contract.ts'
import { type LineRow, type OrderRow, orderFacts } from './order.ts'

export const placeOrder = shop.handle(PlaceOrder, {
  allow: may('orders:write'),
  // Nothing is decided on what was read before: the stock is guarded in the statement that takes
  // it. Buyers of one product queue for its row, where SERIALIZABLE would turn most of them away.
  isolation: 'read committed',
  async run({ input, tx, scope, fail }) {
    const { email, country, card } = input
    const buyer = { email, country, card }
    // In this order: who waits for another order of the same buyer holds no product.
    const [signals, reserved] = await Promise.all([
      tx.call(LookAtBuyer, buyer),
      tx.call(ReserveStock, { lines: input.lines }),
    ])
    const currencies = new Set(reserved.lines.map((line) => line.currency))
    const [currency = '', ...others] = currencies
    if (others.length > 0) throw fail.mixedCurrencies()

    const [order_id, total_minor] = [tx.id(), totalMinor(reserved.lines)]
    const facts = { ...buyer, order_id, total_minor, currency, signals }
    const { held } = await tx.call(AssessOrder, facts)
    const order: OrderRow = {
      id: order_id,
      customer_id: scope.principal.id,
      email: email ?? null,
      country: country ?? null,
      status: held ? 'held' : 'placed',
      payment_status: 'unpaid',
      currency,
      total_minor,
      placed_at: instant(scope.clock.now()),
      cancelled_at: null,
      shipped_at: null,
    }
    const lines = reserved.lines.map(toLine)
    tx.defer(insertOrder(order))
    tx.defer(insertLines(order.id, lines), { rows: lines.length })
    tx.emit(OrderPlaced, orderFacts(order, lines))
    if (!held) tx.enqueue(SendConfirmation, { order_id })
    return { ...order, lines }
  },
})

interface Reserved {
  readonly product_id: string
  readonly sku: string
  readonly name: string
  readonly price_minor: number
  readonly quantity: number
}

/** The price is the one of the reservation: the row was locked when it was read. */
function toLine(reserved: Reserved): LineRow {
  const { product_id, sku: ordered, name, price_minor, quantity } = reserved
  return {
    product_id,
    sku: ordered,
    name,
    unit_price_minor: price_minor,
    quantity,
    line_total_minor: price_minor * quantity,
  }
}

function insertOrder(order: OrderRow): Sql {
  return sql`
    INSERT INTO orders (id, customer_id, email, country, status, currency, total_minor, placed_at)
    VALUES (${order.id}, ${order.customer_id}, ${order.email}, ${order.country}, ${order.status},
      ${order.currency}, ${order.total_minor}, ${order.placed_at})`
}

/** One text for any number of lines, so that it is prepared once. */
function insertLines(id: string, lines: readonly LineRow[]): Sql {
  const column = <K extends keyof LineRow>(name: K) => lines.map((line) => line[name])
  return sql`
    INSERT INTO order_lines (order_id, line_no, product_id, sku, name, unit_price_minor, quantity)
    SELECT ${id}, line.no, line.product_id, line.sku, line.name, line.price, line.quantity
    FROM unnest(${column('product_id')}::uuid[], ${column('sku')}::text[], ${column('name')}::text[],
      ${column('unit_price_minor')}::bigint[], ${column('quantity')}::integer[])
      WITH ORDINALITY AS line (product_id, sku, name, price, quantity, no)`
}
