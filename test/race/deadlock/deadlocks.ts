/** Five ways in which two transactions come to wait for each other, and how they do not. */
import { type Db, inTransaction, number, type Queries } from '../sql.ts'
import type { TwinSet, Twins } from '../twins.ts'

const ACCOUNTS = {
  schema: 'CREATE TABLE accounts (id text PRIMARY KEY, balance int NOT NULL)',
  seed: `INSERT INTO accounts VALUES ('a', 100), ('b', 100)`,
}

const add = (db: Queries, id: string, amount: number) =>
  db.query('UPDATE accounts SET balance = balance + $2 WHERE id = $1', [id, amount])

async function move(db: Db, from: string, to: string, sorted: boolean) {
  const changes: [string, number][] = [
    [from, -10],
    [to, 10],
  ]
  if (sorted) changes.sort(([a], [b]) => a.localeCompare(b))
  await inTransaction(db, async (tx) => {
    for (const [id, amount] of changes) await add(tx, id, amount)
  })
}

async function upgrade(db: Db, lock: string, amount: number) {
  await inTransaction(db, async (tx) => {
    await tx.query(`SELECT FROM accounts WHERE id = 'a' ${lock}`)
    await add(tx, 'a', amount)
  })
}

const PARENTS = {
  schema: `CREATE TABLE orders (id text PRIMARY KEY, total int NOT NULL);
    CREATE TABLE lines (order_id text NOT NULL REFERENCES orders, sku text PRIMARY KEY, cents int)`,
  seed: `INSERT INTO orders VALUES ('o1', 0)`,
}

const insertLine = (db: Queries, sku: string) =>
  db.query(`INSERT INTO lines VALUES ('o1', $1, 5)`, [sku])
/** FOR UPDATE, as a framework's pessimistic lock is: a line's foreign key holds the row against it. */
const lockOrder = (db: Queries) => db.query(`SELECT FROM orders WHERE id = 'o1' FOR UPDATE`)
const addTotal = (db: Queries) => db.query(`UPDATE orders SET total = total + 5 WHERE id = 'o1'`)

async function lineThenLock(db: Db, sku: string) {
  await inTransaction(db, async (tx) => {
    await insertLine(tx, sku)
    await lockOrder(tx)
    await addTotal(tx)
  })
}

async function lockThenLine(db: Db, sku: string) {
  await inTransaction(db, async (tx) => {
    await lockOrder(tx)
    await insertLine(tx, sku)
    await addTotal(tx)
  })
}

const NAMES = { schema: 'CREATE TABLE names (name text PRIMARY KEY)', seed: '' }

async function claimNames(db: Db, names: readonly string[]) {
  await inTransaction(db, async (tx) => {
    for (const name of names)
      await tx.query('INSERT INTO names VALUES ($1) ON CONFLICT DO NOTHING', [name])
  })
}

const advisory = (db: Queries) => number(db, 'SELECT 1 FROM pg_advisory_xact_lock(9)')

async function lockThenRow(db: Db) {
  await inTransaction(db, async (tx) => {
    await advisory(tx)
    await add(tx, 'a', 1)
  })
}

async function rowThenLock(db: Db) {
  await inTransaction(db, async (tx) => {
    await add(tx, 'a', 2)
    await advisory(tx)
  })
}

const DEADLOCK = 'deadlock'

const crossed: Twins = {
  ...ACCOUNTS,
  broken: {
    finds: DEADLOCK,
    run: { there: (db) => move(db, 'a', 'b', false), back: (db) => move(db, 'b', 'a', false) },
  },
  fixed: {
    'rows are taken in one order': {
      run: { there: (db) => move(db, 'a', 'b', true), back: (db) => move(db, 'b', 'a', true) },
    },
  },
}

const upgraded: Twins = {
  ...ACCOUNTS,
  broken: {
    finds: DEADLOCK,
    run: { one: (db) => upgrade(db, 'FOR SHARE', 1), two: (db) => upgrade(db, 'FOR SHARE', 2) },
  },
  fixed: {
    'the lock that will be needed': {
      run: {
        one: (db) => upgrade(db, 'FOR NO KEY UPDATE', 1),
        two: (db) => upgrade(db, 'FOR NO KEY UPDATE', 2),
      },
    },
  },
}

const parents: Twins = {
  ...PARENTS,
  broken: {
    finds: DEADLOCK,
    run: { lamp: (db) => lineThenLock(db, 'lamp'), desk: (db) => lineThenLock(db, 'desk') },
  },
  fixed: {
    'the parent is locked first': {
      run: { lamp: (db) => lockThenLine(db, 'lamp'), desk: (db) => lockThenLine(db, 'desk') },
    },
  },
}

const unique: Twins = {
  ...NAMES,
  broken: {
    finds: DEADLOCK,
    run: { one: (db) => claimNames(db, ['a', 'b']), two: (db) => claimNames(db, ['b', 'a']) },
  },
  fixed: {
    'names are claimed in one order': {
      run: { one: (db) => claimNames(db, ['a', 'b']), two: (db) => claimNames(db, ['a', 'b']) },
    },
  },
}

const mixed: Twins = {
  ...ACCOUNTS,
  broken: { finds: DEADLOCK, run: { one: lockThenRow, two: rowThenLock } },
  fixed: { 'the advisory lock comes first': { run: { one: lockThenRow, two: lockThenRow } } },
}

export const deadlocks: TwinSet = {
  'two rows, crossed': crossed,
  'a shared lock, upgraded': upgraded,
  'the parent of a foreign key': parents,
  'unique names, crossed': unique,
  'an advisory lock and a row': mixed,
}
