/** A cart that is paid in one tab while something is put into it in another. */
import { number, type Queries } from '../sql.ts'
import type { Anomaly, Cell, Request } from './cell.ts'
import type { Shop } from './shop.ts'

const TABLES = {
  feature: 'cart',
  schema: `
    CREATE TABLE carts (id text PRIMARY KEY);
    CREATE TABLE items (id text PRIMARY KEY, cart text NOT NULL, cents int NOT NULL);
    CREATE TABLE orders (id text PRIMARY KEY, paid int NOT NULL);
    CREATE TABLE order_lines (order_id text NOT NULL, item text NOT NULL, cents int NOT NULL)`,
  seed: `INSERT INTO carts VALUES ('c1'); INSERT INTO items VALUES ('lamp', 'c1', 500)`,
} as const

/** Where an order and its lines are written one by one, this holds once the order is through. */
const PAID = {
  'an order holds no more than is paid': `SELECT o.id FROM orders o
    JOIN order_lines l ON l.order_id = o.id GROUP BY o.id, o.paid HAVING sum(l.cents) > o.paid`,
}

interface Item {
  readonly id: string
  readonly cents: number
}

const LINES = `SELECT id, cents FROM items WHERE cart = 'c1' ORDER BY id`

const total = (db: Queries) => number(db, `SELECT sum(cents) FROM items WHERE cart = 'c1'`)
const itemsOf = async (db: Queries) => (await db.query<Item>(LINES)).rows
const lock = (db: Queries) => db.query(`SELECT FROM carts WHERE id = 'c1' FOR UPDATE`)
const pay = (db: Queries, cents: number) =>
  db.query(`INSERT INTO orders VALUES ('o1', $1)`, [cents])

const copyLines = (db: Queries) =>
  db.query(`INSERT INTO order_lines SELECT 'o1', id, cents FROM items WHERE cart = 'c1'`)
const emptyCart = (db: Queries) => db.query(`DELETE FROM items WHERE cart = 'c1'`)

async function writeLines(db: Queries, items: readonly Item[]): Promise<void> {
  for (const { id, cents } of items)
    await db.query(`INSERT INTO order_lines VALUES ('o1', $1, $2)`, [id, cents])
}

const remove = (db: Queries, items: readonly Item[]) =>
  db.query('DELETE FROM items WHERE id = ANY ($1)', [items.map(({ id }) => id)])

const add: Request = (shop) => shop.query(`INSERT INTO items VALUES ('desk', 'c1', 900)`)

/** PH-s: the sum is paid, and then the lines are copied by the server. */
const sumThenCopy: Request = async (shop) => {
  await pay(shop, await total(shop))
  await copyLines(shop)
  await emptyCart(shop)
}

/** PH-s: the sum is paid, and the lines are read again for the order. */
const sumThenRead: Request = async (shop) => {
  await pay(shop, await total(shop))
  const items = await itemsOf(shop)
  await writeLines(shop, items)
  await remove(shop, items)
}

/** PH-s: the payment in one transaction, the order in another. */
const payThenOrder: Request = async (shop) => {
  await shop.transaction(async (tx) => pay(tx, await total(tx)))
  await shop.transaction(async (tx) => {
    await copyLines(tx)
    await emptyCart(tx)
  })
}

/** PH-s: the sum comes from the page that was shown; everything else is one transaction. */
const shownThenOrder: Request = async (shop) => {
  const shown = await total(shop)
  await shop.transaction(async (tx) => {
    await pay(tx, shown)
    const items = await itemsOf(tx)
    await writeLines(tx, items)
    await remove(tx, items)
  })
}

/** PH-s: the lines first, the cart emptied behind them: what came in between is in no order. */
const readThenEmpty: Request = async (shop) => {
  const items = await itemsOf(shop)
  const sum = await total(shop)
  await shop.transaction(async (tx) => {
    await pay(tx, sum)
    await copyLines(tx)
    await remove(tx, items)
  })
}

/** The cart is read once; what is paid, ordered and removed comes from that. */
async function orderFromOneRead(db: Queries): Promise<void> {
  const items = await itemsOf(db)
  await pay(
    db,
    items.reduce((sum, { cents }) => sum + cents, 0),
  )
  await writeLines(db, items)
  await remove(db, items)
}

const readOnce: Request = orderFromOneRead
const readOnceInTransaction: Request = (shop) => shop.transaction(orderFromOneRead)
const readOnceForOrder: Request = async (shop) => {
  const items = await itemsOf(shop)
  await shop.transaction(async (tx) => {
    await pay(
      tx,
      items.reduce((sum, { cents }) => sum + cents, 0),
    )
    await writeLines(tx, items)
    await remove(tx, items)
  })
}

const addLocking: Request = (shop) =>
  shop.transaction(async (tx) => {
    await lock(tx)
    await tx.query(`INSERT INTO items VALUES ('desk', 'c1', 900)`)
  })

/** What was shown is compared with the cart under its lock; the order is made from the latter. */
const recheck: Request = async (shop) => {
  for (;;) {
    const shown = await total(shop)
    const done = await shop.transaction(async (tx) => {
      await lock(tx)
      if ((await total(tx)) !== shown) return false
      await pay(tx, shown)
      await copyLines(tx)
      await emptyCart(tx)
      return true
    })
    if (done) return
  }
}

const recompute: Request = (shop) =>
  shop.transaction(async (tx) => {
    await lock(tx)
    await pay(tx, await total(tx))
    await copyLines(tx)
    await emptyCart(tx)
  })

/** Requests of one visitor wait for each other, as they do for the file of a PHP session. */
const inSession =
  (work: (tx: Queries) => Promise<unknown>): Request =>
  (shop) =>
    shop.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock(1)')
      await work(tx)
    })

function cell(app: string, anomaly: Anomaly, checkout: Request, put: Request = add): Cell {
  const requests = { checkout, add: async (shop: Shop) => void (await put(shop)) }
  return { ...TABLES, app, anomaly, invariants: PAID, requests }
}

export const carts: readonly Cell[] = [
  cell('Lightning Fast Shop', 'PH-s', sumThenCopy),
  cell('Ror_ecommerce', 'PH-s', sumThenRead),
  cell('Broadleaf', 'PH-s', payThenOrder),
  cell('Shopizer', 'PH-s', shownThenOrder),
  cell('Shoppe', 'PH-s', readThenEmpty),
  cell('PrestaShop', undefined, readOnce),
  cell('WooCommerce', undefined, readOnceForOrder),
  cell('Oscar', undefined, readOnceInTransaction),
  cell('Magento', undefined, recheck, addLocking),
  cell('Spree', undefined, recompute, addLocking),
  cell(
    'OpenCart',
    undefined,
    inSession(async (tx) => {
      await pay(tx, await total(tx))
      await copyLines(tx)
      await emptyCart(tx)
    }),
    inSession((tx) => tx.query(`INSERT INTO items VALUES ('desk', 'c1', 900)`)),
  ),
]
