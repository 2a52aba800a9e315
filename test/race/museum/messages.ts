/** Messages between transactions: outboxes, relays, brokers and inboxes. */
import type { RaceWorld } from '../../../src/prove/race.ts'
import { type Db, inTransaction, number, type Queries } from '../sql.ts'
import type { TwinSet } from '../twins.ts'

const OUTBOX = {
  schema: `CREATE TABLE outbox (id text PRIMARY KEY, created_at int NOT NULL, relay text)`,
  seed: `INSERT INTO outbox VALUES ('e1', 1, NULL)`,
}

async function relayPolling(db: Db, world: RaceWorld) {
  const text = 'SELECT id FROM outbox WHERE relay IS NULL ORDER BY created_at LIMIT 10'
  const { rows } = await db.query<{ id: string }>(text)
  for (const { id } of rows) {
    await world.effect('publish', { key: id })
    await db.query(`UPDATE outbox SET relay = 'done' WHERE id = $1`, [id])
  }
}

/** What is claimed belongs to one relay; who claims sees what is free now. */
async function relayClaiming(db: Db, world: RaceWorld) {
  const text = `UPDATE outbox SET relay = 'done' WHERE id IN (SELECT id FROM outbox
    WHERE relay IS NULL ORDER BY created_at LIMIT 10 FOR UPDATE SKIP LOCKED) RETURNING id`
  const { rows } = await db.query<{ id: string }>(text)
  for (const { id } of rows) await world.effect('publish', { key: id })
}

const LOG = {
  schema: `CREATE SEQUENCE positions;
    CREATE TABLE events (position bigint PRIMARY KEY, delivered boolean NOT NULL DEFAULT false);
    CREATE TABLE cursors (name text PRIMARY KEY, position bigint NOT NULL)`,
  seed: `INSERT INTO cursors VALUES ('mail', 0)`,
  invariants: {
    'no event is behind the cursor and not delivered': `SELECT events.* FROM events, cursors
      WHERE events.position <= cursors.position AND NOT delivered`,
  },
  // Which of two events comes first is nobody's promise.
  serial: false,
}

function append(db: Db, serialize: boolean) {
  return inTransaction(db, async (tx) => {
    if (serialize) await tx.query('SELECT pg_advisory_xact_lock(7)')
    const position = await number(tx, `SELECT nextval('positions')`)
    await tx.query('INSERT INTO events VALUES ($1)', [position])
  })
}

/** Delivers what is above the cursor and moves it to the highest that was seen. */
function poll(db: Db) {
  return inTransaction(
    db,
    async (tx) => {
      const last = await number(tx, `SELECT position FROM cursors WHERE name = 'mail'`)
      const above = 'UPDATE events SET delivered = true WHERE position > $1 RETURNING position'
      const { rows } = await tx.query<{ position: string }>(above, [last])
      const highest = Math.max(last, ...rows.map(({ position }) => Number(position)))
      await tx.query(`UPDATE cursors SET position = $1 WHERE name = 'mail'`, [highest])
    },
    { isolation: 'repeatable read' },
  )
}

const BROKER = {
  schema: `CREATE TABLE orders (id text PRIMARY KEY);
    CREATE TABLE messages (order_id text PRIMARY KEY, acked boolean NOT NULL DEFAULT false);
    CREATE TABLE invoices (order_id text PRIMARY KEY)`,
  seed: '',
  invariants: {
    'an order whose message is acked has its invoice': `
      SELECT * FROM messages WHERE acked AND order_id NOT IN (SELECT order_id FROM invoices)`,
  },
}

const publish = (db: Queries) => db.query(`INSERT INTO messages VALUES ('o1')`)
const insertOrder = (db: Queries) => db.query(`INSERT INTO orders VALUES ('o1')`)

/** The broker hears of the order on a connection of its own, before the order is there. */
function placePublishing(db: Db) {
  return inTransaction(db, async (tx) => {
    await insertOrder(tx)
    await publish(db)
  })
}

function placeWithOutbox(db: Db) {
  return inTransaction(db, async (tx) => {
    await insertOrder(tx)
    await publish(tx)
  })
}

/** A message about an order that is not there is dropped: it cannot be worked on. */
async function consume(db: Db) {
  if ((await number(db, 'SELECT count(*) FROM messages WHERE NOT acked')) === 0) return
  await inTransaction(db, async (tx) => {
    await tx.query('INSERT INTO invoices SELECT id FROM orders')
    await tx.query('UPDATE messages SET acked = true')
  })
}

const INBOX = {
  schema: `CREATE TABLE inbox (message text PRIMARY KEY);
    CREATE TABLE totals (day text PRIMARY KEY, cents int NOT NULL)`,
  seed: `INSERT INTO totals VALUES ('monday', 0)`,
  invariants: { 'a message counts once': 'SELECT * FROM totals WHERE cents > 500' },
}

const count = (db: Queries) => db.query(`UPDATE totals SET cents = cents + 500`)

async function applyThenMark(db: Db) {
  if ((await number(db, `SELECT count(*) FROM inbox WHERE message = 'm1'`)) > 0) return
  await inTransaction(db, async (tx) => {
    await count(tx)
    await tx.query(`INSERT INTO inbox VALUES ('m1') ON CONFLICT DO NOTHING`)
  })
}

function markThenApply(db: Db) {
  return inTransaction(db, async (tx) => {
    const mark = `INSERT INTO inbox VALUES ('m1') ON CONFLICT DO NOTHING`
    const { rowCount } = await tx.query(mark)
    if (rowCount === 1) await count(tx)
  })
}

export const messages: TwinSet = {
  'outbox polled by timestamp without locks': {
    ...OUTBOX,
    broken: { finds: 'double-effect', run: { one: relayPolling, two: relayPolling } },
    fixed: {
      'rows are claimed FOR UPDATE SKIP LOCKED': {
        run: { one: relayClaiming, two: relayClaiming },
      },
    },
  },
  'cursor over positions that commit out of order': {
    ...LOG,
    broken: {
      run: { a: (db) => append(db, false), b: (db) => append(db, false), poll },
    },
    fixed: {
      'positions are given one transaction at a time': {
        run: { a: (db) => append(db, true), b: (db) => append(db, true), poll },
      },
    },
  },
  'publish before commit': {
    ...BROKER,
    broken: { run: { place: placePublishing, consume } },
    fixed: {
      'the message is a row of the same transaction': { run: { place: placeWithOutbox, consume } },
    },
  },
  'inbox checked, then marked': {
    ...INBOX,
    broken: {
      run: { delivery: applyThenMark, redelivery: applyThenMark },
    },
    fixed: {
      'marked first, in the same transaction': {
        run: { delivery: markThenApply, redelivery: markThenApply },
      },
    },
  },
}
