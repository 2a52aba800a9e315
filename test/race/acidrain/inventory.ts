/** Three of a thing, and two orders of two. */
import { number, type Queries } from '../sql.ts'
import type { Anomaly, Cell } from './cell.ts'
import type { Shop } from './shop.ts'

const TABLES = {
  feature: 'inventory',
  schema: `
    CREATE TABLE products (sku text PRIMARY KEY, stock int NOT NULL);
    CREATE TABLE adjustments (sku text NOT NULL, order_id text NOT NULL, quantity int NOT NULL);
    CREATE TABLE orders (id text PRIMARY KEY, quantity int NOT NULL)`,
  seed: `INSERT INTO products VALUES ('lamp', 3); INSERT INTO adjustments VALUES ('lamp', '', 3)`,
  invariants: {
    'no more is sold than was there': 'SELECT sum(quantity) FROM orders HAVING sum(quantity) > 3',
  },
} as const

type Buy = (shop: Shop, order: string) => Promise<unknown>

const stockOf = (db: Queries, lock = '') =>
  number(db, `SELECT stock FROM products WHERE sku = 'lamp' ${lock}`)
const adjusted = (db: Queries) =>
  number(db, `SELECT sum(quantity) FROM adjustments WHERE sku = 'lamp'`)

const placeOrder = (db: Queries, id: string) => db.query('INSERT INTO orders VALUES ($1, 2)', [id])
const takeTwo = (db: Queries) =>
  db.query(`UPDATE products SET stock = stock - 2 WHERE sku = 'lamp'`)
const setStock = (db: Queries, stock: number) =>
  db.query(`UPDATE products SET stock = $1 WHERE sku = 'lamp'`, [stock])

/** LU-s: no transaction; the stock is counted down by the server. */
const countDown: Buy = async (shop, order) => {
  if ((await stockOf(shop)) < 2) return 'sold out'
  await placeOrder(shop, order)
  await takeTwo(shop)
  return 'placed'
}

/** LU-s: no transaction; the stock that was read is written back. */
const writeBack: Buy = async (shop, order) => {
  const stock = await stockOf(shop)
  if (stock < 2) return 'sold out'
  await placeOrder(shop, order)
  await setStock(shop, stock - 2)
  return 'placed'
}

/** LU-s: the guard reads before the transaction; the lock within it comes too late. */
const lockTooLate: Buy = async (shop, order) => {
  if ((await stockOf(shop)) < 2) return 'sold out'
  await shop.transaction(async (tx) => {
    await stockOf(tx, 'FOR UPDATE')
    await takeTwo(tx)
    await placeOrder(tx, order)
  })
  return 'placed'
}

/** LU-s: read again for the new value, which nothing compares with the guard. */
const readTwice: Buy = async (shop, order) => {
  if ((await stockOf(shop)) < 2) return 'sold out'
  await placeOrder(shop, order)
  const stock = await stockOf(shop)
  await setStock(shop, stock - 2)
  return 'placed'
}

/** LU-s: one transaction for the check of the cart, one for the order. */
const checkInTransaction: Buy = async (shop, order) => {
  const enough = await shop.transaction(async (tx) => (await stockOf(tx)) >= 2)
  if (!enough) return 'sold out'
  await shop.transaction(async (tx) => {
    await placeOrder(tx, order)
    await takeTwo(tx)
  })
  return 'placed'
}

/** LU-l: one transaction, which does not protect what it has read. */
const writeBackInTransaction: Buy = (shop, order) =>
  shop.transaction(async (tx) => {
    const stock = await stockOf(tx)
    if (stock < 2) return 'sold out'
    await setStock(tx, stock - 2)
    await placeOrder(tx, order)
    return 'placed'
  })

/** LU-l: the order first, the stock behind it. */
const orderFirst: Buy = (shop, order) =>
  shop.transaction(async (tx) => {
    if ((await stockOf(tx)) < 2) return 'sold out'
    await placeOrder(tx, order)
    await takeTwo(tx)
    return 'placed'
  })

/** LU-l: allocated in one step, taken in another, both in the transaction of the order. */
const allocateThenTake: Buy = (shop, order) =>
  shop.transaction(async (tx) => {
    const stock = await stockOf(tx)
    if (stock < 2) return 'sold out'
    await placeOrder(tx, order)
    await setStock(tx, stock - 1)
    await setStock(tx, stock - 2)
    return 'placed'
  })

/** PH-s: the stock is the sum of its adjustments. */
const sumAdjustments: Buy = async (shop, order) => {
  if ((await adjusted(shop)) < 2) return 'sold out'
  await shop.transaction(async (tx) => {
    await placeOrder(tx, order)
    await tx.query(`INSERT INTO adjustments VALUES ('lamp', $1, -2)`, [order])
  })
  return 'placed'
}

const lockFirst: Buy = (shop, order) =>
  shop.transaction(async (tx) => {
    if ((await stockOf(tx, 'FOR UPDATE')) < 2) return 'sold out'
    await takeTwo(tx)
    await placeOrder(tx, order)
    return 'placed'
  })

function cell(app: string, anomaly: Anomaly, run: Buy): Cell {
  const requests = { one: (shop: Shop) => run(shop, 'o1'), two: (shop: Shop) => run(shop, 'o2') }
  return { ...TABLES, app, anomaly, requests }
}

export const inventories: readonly Cell[] = [
  cell('OpenCart', 'LU-s', countDown),
  cell('PrestaShop', 'LU-s', writeBack),
  cell('Magento', 'LU-s', lockTooLate),
  cell('WooCommerce', 'LU-s', readTwice),
  cell('Lightning Fast Shop', 'LU-s', checkInTransaction),
  cell('Ror_ecommerce', 'LU-l', writeBackInTransaction),
  cell('Oscar', 'LU-l', allocateThenTake),
  cell('Saleor', 'LU-l', orderFirst),
  cell('Shoppe', 'PH-s', sumAdjustments),
  cell('Spree', undefined, lockFirst),
]
