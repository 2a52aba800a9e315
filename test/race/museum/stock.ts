/** Things of which there is a limited number: stock, seats, places, on-call doctors, vouchers. */
import { type Db, firstRow, inTransaction, number, type Queries, SERIALIZABLE } from '../sql.ts'
import type { TwinSet } from '../twins.ts'

const STOCK = {
  schema: `
    CREATE TABLE products (sku text PRIMARY KEY, stock int NOT NULL);
    CREATE TABLE order_lines (order_id text, sku text, quantity int, PRIMARY KEY (order_id, sku))`,
  seed: `INSERT INTO products VALUES ('lamp', 5), ('desk', 5)`,
  invariants: {
    'nothing is sold that is not there': 'SELECT * FROM products WHERE stock < 0',
  },
}

type Line = readonly [sku: string, quantity: number]

const sell = (db: Queries, order: string, [sku, quantity]: Line) =>
  db.query('INSERT INTO order_lines VALUES ($1, $2, $3)', [order, sku, quantity])

/** No transaction: each statement is one of its own, and the new stock was computed here. */
async function orderInLoop(db: Db, order: string, lines: readonly Line[]) {
  for (const [sku, quantity] of lines) {
    const stock = await number(db, 'SELECT stock FROM products WHERE sku = $1', [sku])
    if (stock < quantity) return `${sku} is sold out`
    await db.query('UPDATE products SET stock = $2 WHERE sku = $1', [sku, stock - quantity])
    await sell(db, order, [sku, quantity])
  }
  return 'ordered'
}

class SoldOut extends Error {}

function orderInOneTransaction(db: Db, order: string, lines: readonly Line[]) {
  const inOrder = lines.toSorted(([a], [b]) => a.localeCompare(b))
  const work = async (tx: Queries) => {
    for (const [sku, quantity] of inOrder) {
      const text = 'UPDATE products SET stock = stock - $2 WHERE sku = $1 AND stock >= $2'
      const { rowCount } = await tx.query(text, [sku, quantity])
      if (rowCount === 0) throw new SoldOut(sku)
      await sell(tx, order, [sku, quantity])
    }
    return 'ordered'
  }
  return inTransaction(db, work).catch((error: unknown) => {
    if (error instanceof SoldOut) return `${error.message} is sold out`
    throw error
  })
}

const LAMPS: readonly Line[] = [['lamp', 3]]
const LAMPS_AND_DESK: readonly Line[] = [
  ['lamp', 3],
  ['desk', 1],
]

const ROTA = {
  schema: `CREATE TABLE rotas (id text PRIMARY KEY);
    CREATE TABLE doctors (name text PRIMARY KEY, rota text REFERENCES rotas, on_call boolean)`,
  seed: `INSERT INTO rotas VALUES ('night');
    INSERT INTO doctors VALUES ('ann', 'night', true), ('bob', 'night', true)`,
  invariants: {
    'somebody is on call': `SELECT id FROM rotas WHERE NOT EXISTS
      (SELECT FROM doctors WHERE rota = rotas.id AND on_call)`,
  },
}

const onCall = (db: Queries) =>
  number(db, `SELECT count(*) FROM doctors WHERE rota = 'night' AND on_call`)

async function leave(db: Queries, name: string) {
  if ((await onCall(db)) < 2) return 'you must stay'
  await db.query('UPDATE doctors SET on_call = false WHERE name = $1', [name])
  return 'good night'
}

const leaveRepeatable = (db: Db, name: string) =>
  inTransaction(db, (tx) => leave(tx, name), { isolation: 'repeatable read' })
const leaveSerializable = (db: Db, name: string) =>
  inTransaction(db, (tx) => leave(tx, name), SERIALIZABLE)
const leaveLocking = (db: Db, name: string) =>
  inTransaction(db, async (tx) => {
    await tx.query(`SELECT FROM rotas WHERE id = 'night' FOR UPDATE`)
    return leave(tx, name)
  })

const ROOMS = {
  schema: `CREATE TABLE bookings (guest text PRIMARY KEY, during int4range NOT NULL)`,
  seed: '',
  invariants: {
    'nobody shares the room': `SELECT a.guest, b.guest FROM bookings a
      JOIN bookings b ON a.guest < b.guest AND a.during && b.during`,
  },
}

async function bookChecked(db: Queries, guest: string, during: string) {
  const taken = 'SELECT count(*) FROM bookings WHERE during && $1::int4range'
  if ((await number(db, taken, [during])) > 0) return 'taken'
  await db.query('INSERT INTO bookings VALUES ($1, $2)', [guest, during])
  return 'booked'
}

async function bookExcluded(db: Db, guest: string, during: string) {
  try {
    await db.query('INSERT INTO bookings VALUES ($1, $2)', [guest, during])
    return 'booked'
  } catch (error) {
    if ((error as { code?: string }).code === '23P01') return 'taken'
    throw error
  }
}

const TEAM = {
  schema: `CREATE TABLE teams (id text PRIMARY KEY, seats int NOT NULL);
    CREATE TABLE members (team text REFERENCES teams, name text, PRIMARY KEY (team, name))`,
  seed: `INSERT INTO teams VALUES ('red', 3); INSERT INTO members VALUES ('red', 'ann'), ('red', 'bob')`,
  invariants: {
    'a team has no more members than seats': `SELECT id FROM teams JOIN members ON team = id
      GROUP BY id, seats HAVING count(*) > seats`,
  },
}

function join(db: Db, name: string, lock: string) {
  return inTransaction(db, async (tx) => {
    const seats = await number(tx, `SELECT seats FROM teams WHERE id = 'red' ${lock}`)
    const members = await number(tx, `SELECT count(*) FROM members WHERE team = 'red'`)
    if (members >= seats) return 'full'
    await tx.query(`INSERT INTO members VALUES ('red', $1)`, [name])
    return 'welcome'
  })
}

const VOUCHER = {
  schema: `CREATE TABLE vouchers (code text PRIMARY KEY, used_by text)`,
  seed: `INSERT INTO vouchers VALUES ('TEN', NULL)`,
}

async function redeemChecked(db: Db, order: string) {
  const voucher = await firstRow<{ used_by: string | null }>(
    db,
    `SELECT used_by FROM vouchers WHERE code = 'TEN'`,
  )
  if (voucher?.used_by) return 'used'
  await db.query(`UPDATE vouchers SET used_by = $1 WHERE code = 'TEN'`, [order])
  return 'ten off'
}

async function redeemOnce(db: Db, order: string) {
  const text = `UPDATE vouchers SET used_by = $1 WHERE code = 'TEN' AND used_by IS NULL`
  const { rowCount } = await db.query(text, [order])
  return rowCount === 1 ? 'ten off' : 'used'
}

const SHIPPING = {
  schema: `CREATE TABLE orders (id text PRIMARY KEY, status text NOT NULL);
    CREATE TABLE parcels (order_id text); CREATE TABLE refunds (order_id text)`,
  seed: `INSERT INTO orders VALUES ('o1', 'paid')`,
  invariants: {
    'what is given back is not sent': 'SELECT * FROM parcels JOIN refunds USING (order_id)',
  },
}

function moveByCheck(db: Db, status: string, table: string) {
  return inTransaction(db, async (tx) => {
    const order = await firstRow<{ status: string }>(
      tx,
      `SELECT status FROM orders WHERE id = 'o1'`,
    )
    if (order?.status !== 'paid') return 'too late'
    await tx.query(`UPDATE orders SET status = $1 WHERE id = 'o1'`, [status])
    await tx.query(`INSERT INTO ${table} VALUES ('o1')`)
    return status
  })
}

function moveFromPaid(db: Db, status: string, table: string) {
  return inTransaction(db, async (tx) => {
    const text = `UPDATE orders SET status = $1 WHERE id = 'o1' AND status = 'paid'`
    const { rowCount } = await tx.query(text, [status])
    if (rowCount === 0) return 'too late'
    await tx.query(`INSERT INTO ${table} VALUES ('o1')`)
    return status
  })
}

export const stock: TwinSet = {
  'stock checked in a loop, then decremented': {
    ...STOCK,
    broken: {
      finds: 'lost-update',
      run: {
        ann: (db) => orderInLoop(db, 'ann', LAMPS_AND_DESK),
        bob: (db) => orderInLoop(db, 'bob', LAMPS),
      },
    },
    fixed: {
      'one transaction of guarded statements, sorted': {
        run: {
          ann: (db) => orderInOneTransaction(db, 'ann', LAMPS_AND_DESK),
          bob: (db) => orderInOneTransaction(db, 'bob', LAMPS),
        },
      },
    },
  },
  'write skew among doctors on call': {
    ...ROTA,
    broken: {
      run: { ann: (db) => leaveRepeatable(db, 'ann'), bob: (db) => leaveRepeatable(db, 'bob') },
    },
    fixed: {
      'SERIALIZABLE with retry': {
        run: {
          ann: (db) => leaveSerializable(db, 'ann'),
          bob: (db) => leaveSerializable(db, 'bob'),
        },
      },
      'the rota is locked': {
        run: { ann: (db) => leaveLocking(db, 'ann'), bob: (db) => leaveLocking(db, 'bob') },
      },
    },
  },
  'reservation without a check of the database': {
    ...ROOMS,
    broken: {
      finds: 'phantom',
      run: {
        ann: (db) => bookChecked(db, 'ann', '[1,5)'),
        bob: (db) => bookChecked(db, 'bob', '[4,8)'),
      },
    },
    fixed: {
      'an exclusion constraint': {
        schema: 'ALTER TABLE bookings ADD EXCLUDE USING gist (during WITH &&)',
        run: {
          ann: (db) => bookExcluded(db, 'ann', '[1,5)'),
          bob: (db) => bookExcluded(db, 'bob', '[4,8)'),
        },
      },
      'SERIALIZABLE with retry': {
        run: {
          ann: (db) => inTransaction(db, (tx) => bookChecked(tx, 'ann', '[1,5)'), SERIALIZABLE),
          bob: (db) => inTransaction(db, (tx) => bookChecked(tx, 'bob', '[4,8)'), SERIALIZABLE),
        },
      },
    },
  },
  'limit checked by count': {
    ...TEAM,
    broken: {
      run: { cleo: (db) => join(db, 'cleo', ''), dan: (db) => join(db, 'dan', '') },
    },
    fixed: {
      'the team is locked': {
        run: {
          cleo: (db) => join(db, 'cleo', 'FOR UPDATE'),
          dan: (db) => join(db, 'dan', 'FOR UPDATE'),
        },
      },
    },
  },
  'voucher redeemed twice': {
    ...VOUCHER,
    broken: {
      finds: 'lost-update',
      run: { ann: (db) => redeemChecked(db, 'ann'), bob: (db) => redeemChecked(db, 'bob') },
    },
    fixed: {
      'check and write are one statement': {
        run: { ann: (db) => redeemOnce(db, 'ann'), bob: (db) => redeemOnce(db, 'bob') },
      },
    },
  },
  'shipped and cancelled': {
    ...SHIPPING,
    broken: {
      finds: 'lost-update',
      run: {
        ship: (db) => moveByCheck(db, 'shipped', 'parcels'),
        cancel: (db) => moveByCheck(db, 'cancelled', 'refunds'),
      },
    },
    fixed: {
      'the transition names where it comes from': {
        run: {
          ship: (db) => moveFromPaid(db, 'shipped', 'parcels'),
          cancel: (db) => moveFromPaid(db, 'cancelled', 'refunds'),
        },
      },
    },
  },
}
