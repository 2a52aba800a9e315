/** A voucher for one use, and two orders that name it. */
import { number, type Queries } from '../sql.ts'
import type { Anomaly, Cell } from './cell.ts'
import type { Shop } from './shop.ts'

const TABLES = {
  feature: 'voucher',
  schema: `
    CREATE TABLE vouchers (code text PRIMARY KEY, uses_max int NOT NULL, used int NOT NULL);
    CREATE TABLE redemptions (code text, order_id text, PRIMARY KEY (code, order_id));
    CREATE TABLE orders (id text PRIMARY KEY, discounted boolean NOT NULL)`,
  seed: `INSERT INTO vouchers VALUES ('TEN', 1, 0)`,
  invariants: {
    'the voucher is used once': `SELECT count(*) FROM orders WHERE discounted HAVING count(*) > 1`,
  },
} as const

type Redeem = (shop: Shop, order: string) => Promise<unknown>

const usesMax = (db: Queries) => number(db, `SELECT uses_max FROM vouchers WHERE code = 'TEN'`)
const used = (db: Queries, lock = '') =>
  number(db, `SELECT used FROM vouchers WHERE code = 'TEN' ${lock}`)
const redemptions = (db: Queries) =>
  number(db, `SELECT count(*) FROM redemptions WHERE code = 'TEN'`)

const placeOrder = (db: Queries, id: string) =>
  db.query('INSERT INTO orders VALUES ($1, true)', [id])
const addUse = (db: Queries) => db.query(`UPDATE vouchers SET used = used + 1 WHERE code = 'TEN'`)
const setUsed = (db: Queries, n: number) =>
  db.query(`UPDATE vouchers SET used = $1 WHERE code = 'TEN'`, [n])
const redeem = (db: Queries, order: string) =>
  db.query(`INSERT INTO redemptions VALUES ('TEN', $1)`, [order])

/** LU-s: no transaction at all; the counter is counted up by the server. */
const countUp: Redeem = async (shop, order) => {
  if ((await used(shop)) >= 1) return 'used up'
  await placeOrder(shop, order)
  await addUse(shop)
  return 'placed'
}

/** LU-s: what was read is written back, in a transaction that begins after the read. */
const writeBackLater: Redeem = async (shop, order) => {
  const n = await used(shop)
  if (n >= 1) return 'used up'
  await shop.transaction(async (tx) => {
    await placeOrder(tx, order)
    await setUsed(tx, n + 1)
  })
  return 'placed'
}

/** LU-s: as key and value rows are kept: read one, write one, each for itself. */
const writeBackAlone: Redeem = async (shop, order) => {
  const [limit, n] = [await usesMax(shop), await used(shop)]
  if (n >= limit) return 'used up'
  await placeOrder(shop, order)
  await setUsed(shop, n + 1)
  return 'placed'
}

/** LU-s: two transactions, with the check in the first. */
const checkInTransaction: Redeem = async (shop, order) => {
  const valid = await shop.transaction(async (tx) => (await used(tx)) < (await usesMax(tx)))
  if (!valid) return 'used up'
  await shop.transaction(async (tx) => {
    await addUse(tx)
    await placeOrder(tx, order)
  })
  return 'placed'
}

/** PH-s: uses are counted in the history of the voucher, which the order appends to. */
const countHistory: Redeem = async (shop, order) => {
  if ((await redemptions(shop)) >= 1) return 'used up'
  await placeOrder(shop, order)
  await redeem(shop, order)
  return 'placed'
}

/** PH-s: an audit row at the end of the checkout, in the transaction of the order. */
const auditLater: Redeem = async (shop, order) => {
  const limit = await usesMax(shop)
  if ((await redemptions(shop)) >= limit) return 'used up'
  await shop.transaction(async (tx) => {
    await placeOrder(tx, order)
    await redeem(tx, order)
  })
  return 'placed'
}

/** PH-l: all in one transaction, of a level that lets rows appear behind the check. */
const countInTransaction: Redeem = (shop, order) =>
  shop.transaction(async (tx) => {
    if ((await redemptions(tx)) >= 1) return 'used up'
    await placeOrder(tx, order)
    await redeem(tx, order)
    return 'placed'
  })

/** LU-l: all in one transaction, of a level that does not protect what was read. */
const writeBackInTransaction: Redeem = (shop, order) =>
  shop.transaction(async (tx) => {
    const n = await used(tx)
    if (n >= 1) return 'used up'
    await setUsed(tx, n + 1)
    await placeOrder(tx, order)
    return 'placed'
  })

/** Validated when entered, at the payment, and once more under the lock of the voucher. */
const validateThrice: Redeem = async (shop, order) => {
  if ((await used(shop)) >= 1) return 'used up'
  return shop.transaction(async (tx) => {
    if ((await used(tx, 'FOR UPDATE')) >= 1) return 'used up'
    await addUse(tx)
    await placeOrder(tx, order)
    return 'placed'
  })
}

function cell(app: string, anomaly: Anomaly, run: Redeem): Cell {
  const requests = { one: (shop: Shop) => run(shop, 'o1'), two: (shop: Shop) => run(shop, 'o2') }
  return { ...TABLES, app, anomaly, requests }
}

export const vouchers: readonly Cell[] = [
  cell('OpenCart', 'PH-s', countHistory),
  cell('PrestaShop', 'LU-s', countUp),
  cell('Magento', 'LU-s', writeBackLater),
  cell('WooCommerce', 'LU-s', writeBackAlone),
  cell('Lightning Fast Shop', 'LU-s', checkInTransaction),
  cell('Broadleaf', 'PH-s', auditLater),
  cell('Oscar', 'PH-l', countInTransaction),
  cell('Saleor', 'LU-l', writeBackInTransaction),
  cell('Spree', undefined, validateThrice),
]
