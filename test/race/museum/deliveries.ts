/** Consumers, job workers and receivers of webhooks whose messages come twice, late, in another order. */
import type { CrashDelivery, CrashMessage, CrashWorld } from '../../../src/prove/crash/crash.ts'
import { type Db, firstRow, inTransaction, type Queries } from '../sql.ts'
import type { CrashTwinSet } from './crash-twins.ts'

const ORDERS = {
  schema: `CREATE TABLE orders (id text PRIMARY KEY, status text NOT NULL, version int NOT NULL);
    CREATE TABLE inbox (message text PRIMARY KEY)`,
  seed: `INSERT INTO orders VALUES ('o1', 'placed', 0)`,
  messages: [
    { key: 'm1', status: 'paid', version: 1 },
    { key: 'm2', status: 'shipped', version: 2 },
  ],
}

interface StatusMessage extends CrashMessage {
  readonly status: string
  readonly version: number
}

/** Whatever comes last is believed. */
async function setStatus(db: Db, { message }: CrashDelivery) {
  const { status, version } = message as StatusMessage
  await db.query(`UPDATE orders SET status = $1, version = $2 WHERE id = 'o1'`, [status, version])
}

async function setNewerStatus(db: Db, { message }: CrashDelivery) {
  const { status, version } = message as StatusMessage
  const text = `UPDATE orders SET status = $1, version = $2 WHERE id = 'o1' AND version < $2`
  await db.query(text, [status, version])
}

/** An order that is not there yet is passed over, and the webhook is answered all the same. */
const PAYMENTS = {
  schema: `CREATE TABLE payments (id text PRIMARY KEY, status text NOT NULL);
    CREATE TABLE webhooks (id text PRIMARY KEY, done boolean NOT NULL DEFAULT false)`,
  messages: [
    { key: 'w1', type: 'created' },
    { key: 'w2', type: 'captured' },
  ],
}

async function receiveInOrder(db: Db, { message }: CrashDelivery) {
  if (message.type === 'created')
    await db.query(`INSERT INTO payments VALUES ('p1', 'created') ON CONFLICT DO NOTHING`)
  else await db.query(`UPDATE payments SET status = 'captured' WHERE id = 'p1'`)
}

async function receiveInAnyOrder(db: Db, { message }: CrashDelivery) {
  const text =
    message.type === 'created'
      ? `INSERT INTO payments VALUES ('p1', 'created') ON CONFLICT DO NOTHING`
      : `INSERT INTO payments VALUES ('p1', 'captured') ON CONFLICT (id) DO UPDATE SET status = 'captured'`
  await db.query(text)
}

/** The sender has its answer, and the work is in a variable. */
function receiveThenWork() {
  const received: string[] = []
  return {
    consume: async (_: Db, { message }: CrashDelivery) => void received.push(message.key),
    loops: {
      work: async (db: Db) => {
        for (const key of received.splice(0))
          await db.query('INSERT INTO webhooks VALUES ($1, true) ON CONFLICT DO NOTHING', [key])
      },
    },
  }
}

function storeThenWork() {
  return {
    consume: (db: Db, { message }: CrashDelivery) =>
      db.query('INSERT INTO webhooks VALUES ($1) ON CONFLICT DO NOTHING', [message.key]),
    loops: { work: (db: Db) => db.query('UPDATE webhooks SET done = true WHERE NOT done') },
  }
}

const TOTALS = {
  schema: `CREATE TABLE totals (cents int NOT NULL);
    CREATE TABLE inbox (message text PRIMARY KEY);
    CREATE TABLE seen (number int NOT NULL)`,
  seed: 'INSERT INTO totals VALUES (0); INSERT INTO seen VALUES (0)',
  messages: [
    { key: 'm1', number: 1, cents: 500 },
    { key: 'm2', number: 2, cents: 300 },
    { key: 'm3', number: 3, cents: 200 },
  ],
}

interface Booking extends CrashMessage {
  readonly number: number
  readonly cents: number
}

const book = (tx: Queries, cents: number) =>
  tx.query('UPDATE totals SET cents = cents + $1', [cents])

/** What has a lower number than the last one is taken for a duplicate. */
function bookAboveMark(db: Db, { message }: CrashDelivery) {
  const { number, cents } = message as Booking
  return inTransaction(db, async (tx) => {
    const { rowCount } = await tx.query('UPDATE seen SET number = $1 WHERE number < $1', [number])
    if (rowCount === 1) await book(tx, cents)
  })
}

function bookOnce(db: Db, key: string, cents: number) {
  return inTransaction(db, async (tx) => {
    const mark = 'INSERT INTO inbox VALUES ($1) ON CONFLICT DO NOTHING'
    const { rowCount } = await tx.query(mark, [key])
    if (rowCount === 1) await book(tx, cents)
  })
}

/** Only the last message is remembered: a duplicate behind another one is taken for new. */
function bookUnlessLast(db: Db, { message }: CrashDelivery) {
  const { number, cents } = message as Booking
  return inTransaction(db, async (tx) => {
    const { rowCount } = await tx.query('UPDATE seen SET number = $1 WHERE number <> $1', [number])
    if (rowCount === 1) await book(tx, cents)
  })
}

const consumeOnce = (db: Db, { message }: CrashDelivery) =>
  bookOnce(db, message.key, (message as Booking).cents)

/** Producers of last month wrote `amount`, in whole euros; some of what they wrote is under way. */
const older = ({ key, number, cents }: CrashMessage) => [
  { key, number, amount: (cents as number) / 100 },
]

async function consumeBothForms(db: Db, { message }: CrashDelivery) {
  const { cents, amount } = message as Partial<Record<string, number>> & CrashMessage
  await bookOnce(db, message.key, cents ?? (amount as number) * 100)
}

async function consumeNewForm(db: Db, { message }: CrashDelivery) {
  await bookOnce(db, message.key, (message as Partial<Booking>).cents ?? 0)
}

/** A product is deleted, and an update of it that was under way makes it anew. */
const PRODUCTS = {
  schema: `CREATE TABLE products (id text PRIMARY KEY, name text NOT NULL);
    CREATE TABLE deleted (id text PRIMARY KEY)`,
  seed: `INSERT INTO products VALUES ('p1', 'Lamp')`,
  messages: [
    { key: 'm1', type: 'renamed' },
    { key: 'm2', type: 'deleted' },
  ],
}

const rename = (tx: Queries) =>
  tx.query(
    `INSERT INTO products VALUES ('p1', 'Torch') ON CONFLICT (id) DO UPDATE SET name = 'Torch'`,
  )
const remove = (tx: Queries) => tx.query(`DELETE FROM products WHERE id = 'p1'`)

async function project(db: Db, { message }: CrashDelivery) {
  await (message.type === 'deleted' ? remove(db) : rename(db))
}

function projectWithTombstone(db: Db, { message }: CrashDelivery) {
  return inTransaction(db, async (tx) => {
    if (message.type === 'deleted') {
      await tx.query(`INSERT INTO deleted VALUES ('p1') ON CONFLICT DO NOTHING`)
      await remove(tx)
    } else if (!(await firstRow(tx, `SELECT FROM deleted WHERE id = 'p1'`))) await rename(tx)
  })
}

/** A job that charges a card: whoever claims it again charges it again. */
const JOBS = { schema: 'CREATE TABLE charges (job text PRIMARY KEY)', messages: [{ key: 'j1' }] }

async function chargeInJob(db: Db, { message }: CrashDelivery, world: CrashWorld) {
  await world.effect('charge', { key: message.key })
  await db.query('INSERT INTO charges VALUES ($1) ON CONFLICT DO NOTHING', [message.key])
}

async function chargeByKey(db: Db, { message }: CrashDelivery, world: CrashWorld) {
  await world.effectOnce('charge', { key: message.key })
  await db.query('INSERT INTO charges VALUES ($1) ON CONFLICT DO NOTHING', [message.key])
}

export const deliveries: CrashTwinSet = {
  'the last message wins': {
    ...ORDERS,
    broken: () => ({ consume: setStatus }),
    fixed: () => ({ consume: setNewerStatus }),
  },
  'update before its insert': {
    ...PAYMENTS,
    broken: () => ({ consume: receiveInOrder }),
    fixed: () => ({ consume: receiveInAnyOrder }),
  },
  'webhook answered before it is stored': {
    ...PAYMENTS,
    broken: receiveThenWork,
    fixed: storeThenWork,
  },
  'duplicates told by the highest number': {
    ...TOTALS,
    broken: () => ({ consume: bookAboveMark }),
    fixed: () => ({ consume: consumeOnce }),
  },
  'duplicates told by the last message': {
    ...TOTALS,
    deliveries: { order: 'per group' },
    broken: () => ({ consume: bookUnlessLast }),
    fixed: () => ({ consume: bookAboveMark }),
  },
  'payload of an older producer': {
    ...TOTALS,
    deliveries: { older },
    broken: () => ({ consume: consumeNewForm }),
    fixed: () => ({ consume: consumeBothForms }),
  },
  'deleted, and made anew by an update': {
    ...PRODUCTS,
    broken: () => ({ consume: project }),
    fixed: () => ({ consume: projectWithTombstone }),
  },
  'job that charges without a key': {
    ...JOBS,
    broken: () => ({ consume: chargeInJob }),
    fixed: () => ({ consume: chargeByKey }),
  },
}
