/** Consumers, sagas and compensations whose process dies, or whose message comes again. */
import type { CrashDelivery, CrashProgram, CrashWorld } from '../../../src/prove/crash/crash.ts'
import { type Db, firstRow, inTransaction, type Queries } from '../sql.ts'
import type { CrashTwinSet } from './crash-twins.ts'

const TOTALS = {
  schema: `CREATE TABLE totals (day text PRIMARY KEY, cents int NOT NULL);
    CREATE TABLE inbox (message text PRIMARY KEY)`,
  seed: `INSERT INTO totals VALUES ('monday', 0)`,
  messages: [{ key: 'm1' }, { key: 'm2' }],
}

const count = (db: Queries) => db.query('UPDATE totals SET cents = cents + 500')

const consumeEach = async (db: Db) => void (await count(db))

/** At most once: what was acknowledged and not done is gone. */
async function consumeAckingFirst(db: Db, { message, ack }: CrashDelivery) {
  await ack()
  await applyOnce(db, message.key)
}

async function consumeThenAck(db: Db, { message, ack }: CrashDelivery) {
  await applyOnce(db, message.key)
  await ack()
}

function applyOnce(db: Db, key: string) {
  return inTransaction(db, async (tx) => {
    const mark = 'INSERT INTO inbox VALUES ($1) ON CONFLICT DO NOTHING'
    const { rowCount } = await tx.query(mark, [key])
    if (rowCount === 1) await count(tx)
  })
}

/** The inbox is written in a transaction of its own, before the work. */
async function markThenApply(db: Db, { message }: CrashDelivery) {
  const mark = 'INSERT INTO inbox VALUES ($1) ON CONFLICT DO NOTHING'
  const { rowCount } = await db.query(mark, [message.key])
  if (rowCount === 1) await count(db)
}

const TRIPS = {
  schema: `CREATE TABLE trips (id text PRIMARY KEY, step int NOT NULL DEFAULT 0)`,
}

const STEPS = ['book flight', 'book hotel', 'charge'] as const

/** How far a trip is stands in a variable: the next process starts from the beginning. */
function sagaInMemory(): CrashProgram {
  const progress = new Map<string, number>()
  return {
    request: async (db, world) => {
      for (let step = progress.get('t1') ?? 0; step < STEPS.length; step += 1) {
        await world.effect(STEPS[step] as string, { key: 't1' })
        progress.set('t1', step + 1)
      }
      await db.query(`INSERT INTO trips VALUES ('t1', 3) ON CONFLICT DO NOTHING`)
      return 'booked'
    },
  }
}

/** How far it is stands in a row, and each partner knows the key of the step. */
async function continueTrips(db: Db, world: CrashWorld) {
  const { rows } = await db.query<{ id: string; step: number }>(
    'SELECT id, step FROM trips WHERE step < $1',
    [STEPS.length],
  )
  for (const { id, step: reached } of rows)
    for (let step = reached; step < STEPS.length; step += 1) {
      await world.effectOnce(STEPS[step] as string, { key: id })
      await db.query('UPDATE trips SET step = $2 WHERE id = $1', [id, step + 1])
    }
}

async function bookTrip(db: Db) {
  await db.query(`INSERT INTO trips VALUES ('t1') ON CONFLICT DO NOTHING`)
  return 'booked'
}

const REFUNDS = {
  schema: `CREATE TABLE orders (id text PRIMARY KEY, status text NOT NULL);
    CREATE TABLE wallets (owner text PRIMARY KEY, cents int NOT NULL)`,
  seed: `INSERT INTO orders VALUES ('o1', 'cancelling'); INSERT INTO wallets VALUES ('ann', 0)`,
}

const isCancelling = (db: Queries) =>
  firstRow(db, `SELECT FROM orders WHERE id = 'o1' AND status = 'cancelling'`)
const giveBack = (db: Queries) => db.query('UPDATE wallets SET cents = cents + 500')
const finish = (db: Queries) => db.query(`UPDATE orders SET status = 'cancelled' WHERE id = 'o1'`)

async function compensateInSteps(db: Db) {
  if (!(await isCancelling(db))) return
  await giveBack(db)
  await finish(db)
}

function compensateAtOnce(db: Db) {
  return inTransaction(db, async (tx) => {
    if (!(await isCancelling(tx))) return
    await giveBack(tx)
    await finish(tx)
  })
}

/** The mail is sent, and the cursor stands before or behind it when the process dies. */
const MAILS = {
  schema: `CREATE TABLE events (id int PRIMARY KEY); CREATE TABLE cursors (at int NOT NULL)`,
  seed: 'INSERT INTO events VALUES (1), (2); INSERT INTO cursors VALUES (0)',
}

const nextEvent = (db: Db) =>
  firstRow<{ id: number }>(
    db,
    'SELECT id FROM events WHERE id > (SELECT at FROM cursors) ORDER BY id LIMIT 1',
  )
const moveTo = (db: Db, id: number) => db.query('UPDATE cursors SET at = $1', [id])

async function moveThenMail(db: Db, world: CrashWorld) {
  const event = await nextEvent(db)
  if (!event) return
  await moveTo(db, event.id)
  await world.effectOnce('mail', { key: `event ${event.id}` })
}

async function mailThenMove(db: Db, world: CrashWorld) {
  const event = await nextEvent(db)
  if (!event) return
  await world.effectOnce('mail', { key: `event ${event.id}` })
  await moveTo(db, event.id)
}

export const processes: CrashTwinSet = {
  'consumer without an inbox': {
    ...TOTALS,
    broken: () => ({ consume: consumeEach }),
    fixed: () => ({ consume: (db, { message }) => applyOnce(db, message.key) }),
  },
  'inbox in a transaction of its own': {
    ...TOTALS,
    broken: () => ({ consume: markThenApply }),
    fixed: () => ({ consume: (db, { message }) => applyOnce(db, message.key) }),
  },
  'acknowledged before it is processed': {
    ...TOTALS,
    broken: () => ({ consume: consumeAckingFirst }),
    fixed: () => ({ consume: consumeThenAck }),
  },
  'saga with its progress in memory': {
    ...TRIPS,
    broken: sagaInMemory,
    fixed: () => ({ request: bookTrip, loops: { continueTrips } }),
  },
  'compensation not idempotent': {
    ...REFUNDS,
    broken: () => ({ loops: { compensate: compensateInSteps } }),
    fixed: () => ({ loops: { compensate: compensateAtOnce } }),
  },
  'cursor moved before the work': {
    ...MAILS,
    broken: () => ({ loops: { mail: moveThenMail } }),
    fixed: () => ({ loops: { mail: mailThenMove } }),
  },
}
