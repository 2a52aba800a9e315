/** Requests that die halfway, or whose answer gets lost, and are asked again. */
import type { CrashWorld } from '../../../src/prove/crash/crash.ts'
import { type Db, firstRow, inTransaction, type Queries } from '../sql.ts'
import type { CrashTwinSet } from './crash-twins.ts'

const ORDERS = {
  schema: `CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sku text NOT NULL);
    CREATE TABLE keys (key text PRIMARY KEY, reply text);
    CREATE TABLE outbox (id text PRIMARY KEY, sent boolean NOT NULL DEFAULT false)`,
}

const insertOrder = (db: Queries) =>
  firstRow<{ id: string }>(db, `INSERT INTO orders (sku) VALUES ('lamp') RETURNING id`)

async function placeWithoutKey(db: Db) {
  await insertOrder(db)
  return 'placed'
}

/** The key and everything that it stands for are one transaction. */
function once(db: Db, work: (tx: Queries) => Promise<unknown>): Promise<string> {
  return inTransaction(db, async (tx) => {
    const claim = `INSERT INTO keys VALUES ('k1', 'placed') ON CONFLICT DO NOTHING`
    const { rowCount } = await tx.query(claim)
    if (rowCount === 1) await work(tx)
    return 'placed'
  })
}

async function placeKeyedLater(db: Db) {
  if (await firstRow(db, `SELECT reply FROM keys WHERE key = 'k1'`)) return 'placed'
  await inTransaction(db, insertOrder)
  await db.query(`INSERT INTO keys VALUES ('k1', 'placed') ON CONFLICT DO NOTHING`)
  return 'placed'
}

/** The publication follows the commit; when the process dies in between, nobody makes up for it. */
async function placeThenPublish(db: Db, world: CrashWorld) {
  const known = await firstRow(db, `SELECT reply FROM keys WHERE key = 'k1'`)
  if (known) return 'placed'
  await once(db, insertOrder)
  await world.publish({ key: 'placed k1' })
  return 'placed'
}

/** The message names an order that may yet be rolled back. */
function publishThenCommit(db: Db, world: CrashWorld) {
  return once(db, async (tx) => {
    const order = await insertOrder(tx)
    await world.publish({ key: `placed ${order?.id}` })
  })
}

function placeWithOutbox(db: Db) {
  return once(db, async (tx) => {
    await insertOrder(tx)
    await tx.query(`INSERT INTO outbox VALUES ('placed k1')`)
  })
}

async function unsent(db: Db): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>('SELECT id FROM outbox WHERE NOT sent')
  return rows.map(({ id }) => id)
}

const markSent = (db: Db, id: string) =>
  db.query('UPDATE outbox SET sent = true WHERE id = $1', [id])

async function relay(db: Db, world: CrashWorld) {
  for (const id of await unsent(db)) {
    await world.publish({ key: id })
    await markSent(db, id)
  }
}

async function relayMarkingFirst(db: Db, world: CrashWorld) {
  for (const id of await unsent(db)) {
    await markSent(db, id)
    await world.publish({ key: id })
  }
}

/** A second system is written behind the database. */
async function placeAndIndex(db: Db, world: CrashWorld) {
  if (await firstRow(db, `SELECT reply FROM keys WHERE key = 'k1'`)) return 'placed'
  await once(db, insertOrder)
  await world.effectOnce('index', { key: 'k1' })
  return 'placed'
}

async function indexFromOutbox(db: Db, world: CrashWorld) {
  for (const id of await unsent(db)) {
    await world.effectOnce('index', { key: 'k1' })
    await markSent(db, id)
  }
}

const PAYMENTS = {
  schema: 'CREATE TABLE payments (key text PRIMARY KEY, paid boolean NOT NULL DEFAULT false)',
}

/** The card is charged, and only then written down. */
async function chargeThenRecord(db: Db, world: CrashWorld) {
  if (await firstRow(db, `SELECT paid FROM payments WHERE key = 'k1'`)) return 'paid'
  await world.effect('charge', { key: 'k1' })
  await db.query(`INSERT INTO payments VALUES ('k1', true)`)
  return 'paid'
}

/** The intention is written down first; the provider knows the key. */
async function recordThenCharge(db: Db, world: CrashWorld) {
  await db.query(`INSERT INTO payments VALUES ('k1') ON CONFLICT DO NOTHING`)
  await settle(db, world)
  return 'paid'
}

async function settle(db: Db, world: CrashWorld) {
  const { rows } = await db.query<{ key: string }>('SELECT key FROM payments WHERE NOT paid')
  for (const { key } of rows) {
    await world.effectOnce('charge', { key })
    await db.query('UPDATE payments SET paid = true WHERE key = $1', [key])
  }
}

const ACCOUNTS = {
  schema: `CREATE TABLE accounts (id text PRIMARY KEY, balance int NOT NULL);
    CREATE TABLE keys (key text PRIMARY KEY, reply text)`,
  seed: `INSERT INTO accounts VALUES ('a', 100), ('b', 100)`,
}

const add = (db: Queries, id: string, amount: number) =>
  db.query('UPDATE accounts SET balance = balance + $2 WHERE id = $1', [id, amount])

/** Whatever goes wrong, it is tried again: also where COMMIT went through and its answer did not. */
async function depositTryingAgain(db: Db) {
  if (await firstRow(db, `SELECT reply FROM keys WHERE key = 'k1'`)) return 'placed'
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inTransaction(db, async (tx) => {
        await add(tx, 'a', 10)
        await tx.query(`INSERT INTO keys VALUES ('k1', 'placed') ON CONFLICT DO NOTHING`)
        return 'placed'
      })
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

async function depositOnce(db: Db) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(db, (tx) => add(tx, 'a', 10))
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

/** Two statements, two transactions; the key is claimed before both. */
async function transferInTwo(db: Db) {
  const claim = `INSERT INTO keys VALUES ('k1', 'moved') ON CONFLICT DO NOTHING`
  const { rowCount } = await db.query(claim)
  if (rowCount === 0) return 'moved'
  await add(db, 'a', -10)
  await add(db, 'b', 10)
  return 'moved'
}

function transferInOne(db: Db) {
  return once(db, async (tx) => {
    await add(tx, 'a', -10)
    await add(tx, 'b', 10)
  })
}

export const requests: CrashTwinSet = {
  'retry without a key': {
    ...ORDERS,
    broken: () => ({ request: placeWithoutKey }),
    fixed: () => ({ request: (db) => once(db, insertOrder) }),
  },
  'key recorded after the commit': {
    ...ORDERS,
    broken: () => ({ request: placeKeyedLater }),
    fixed: () => ({ request: (db) => once(db, insertOrder) }),
  },
  'publish after commit': {
    ...ORDERS,
    broken: () => ({ request: placeThenPublish }),
    fixed: () => ({ request: placeWithOutbox, loops: { relay } }),
  },
  'publish before commit': {
    ...ORDERS,
    broken: () => ({ request: publishThenCommit }),
    fixed: () => ({ request: placeWithOutbox, loops: { relay } }),
  },
  'relay that marks before it publishes': {
    ...ORDERS,
    broken: () => ({ request: placeWithOutbox, loops: { relay: relayMarkingFirst } }),
    fixed: () => ({ request: placeWithOutbox, loops: { relay } }),
  },
  'dual write': {
    ...ORDERS,
    broken: () => ({ request: placeAndIndex }),
    fixed: () => ({ request: placeWithOutbox, loops: { index: indexFromOutbox } }),
  },
  'charge before the record': {
    ...PAYMENTS,
    broken: () => ({ request: chargeThenRecord }),
    fixed: () => ({ request: recordThenCharge, loops: { settle } }),
  },
  'naive retry loop': {
    ...ACCOUNTS,
    broken: () => ({ request: depositTryingAgain }),
    fixed: () => ({ request: depositOnce }),
  },
  'two transactions behind one key': {
    ...ACCOUNTS,
    broken: () => ({ request: transferInTwo }),
    fixed: () => ({ request: transferInOne }),
  },
}
