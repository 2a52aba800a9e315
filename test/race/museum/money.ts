/** Money that is taken twice, from an account that does not have it, or lost on the way. */
import type { RaceWorld } from '../../../src/prove/race.ts'
import { type Db, firstRow, inTransaction, number, type Queries, SERIALIZABLE } from '../sql.ts'
import type { TwinSet } from '../twins.ts'

const ACCOUNTS = {
  schema: `
    CREATE TABLE accounts (id text PRIMARY KEY, owner text NOT NULL, balance bigint NOT NULL);
    CREATE TABLE entries (account text NOT NULL REFERENCES accounts, reason text NOT NULL,
      amount bigint NOT NULL, PRIMARY KEY (account, reason))`,
  seed: `INSERT INTO accounts VALUES ('giro', 'ann', 100), ('savings', 'ann', 100)`,
}

const NOT_NEGATIVE = { 'no account is overdrawn': 'SELECT * FROM accounts WHERE balance < 0' }

const BOOKS_BALANCE = {
  'the entries explain the balance': `
    SELECT id, balance, sum(amount) FROM accounts LEFT JOIN entries ON account = id
    GROUP BY id, balance HAVING balance <> 100 + coalesce(sum(amount), 0)`,
}

function balanceOf(db: Queries, account: string, lock = ''): Promise<number> {
  return number(db, `SELECT balance FROM accounts WHERE id = $1 ${lock}`, [account])
}

async function take(db: Queries, account: string, amount: number, reason: string) {
  await db.query('UPDATE accounts SET balance = balance - $2 WHERE id = $1', [account, amount])
  await db.query('INSERT INTO entries VALUES ($1, $2, $3)', [account, reason, -amount])
  return 'taken'
}

function withdrawInTransaction(db: Db, reason: string, lock: string) {
  return inTransaction(db, async (tx) => {
    if ((await balanceOf(tx, 'giro', lock)) < 80) return 'not enough'
    return take(tx, 'giro', 80, reason)
  })
}

/** The check runs before the transaction begins, as where a validator or a middleware does it. */
async function withdrawGuardedOutside(db: Db, reason: string) {
  if ((await balanceOf(db, 'giro')) < 80) return 'not enough'
  return inTransaction(db, (tx) => take(tx, 'giro', 80, reason))
}

function withdrawInOneStatement(db: Db, reason: string) {
  return inTransaction(db, async (tx) => {
    const text = `UPDATE accounts SET balance = balance - 80 WHERE id = 'giro' AND balance >= 80`
    const { rowCount } = await tx.query(text)
    if (rowCount === 0) return 'not enough'
    await tx.query('INSERT INTO entries VALUES ($1, $2, $3)', ['giro', reason, -80])
    return 'taken'
  })
}

/** Either account may go below zero as long as both together do not. */
function withdrawFromBoth(db: Db, account: string, serializable: boolean, lock = '') {
  const options = serializable ? SERIALIZABLE : { ...SERIALIZABLE, isolation: 'repeatable read' }
  return inTransaction(
    db,
    async (tx) => {
      const text = `SELECT balance FROM accounts WHERE owner = 'ann' ORDER BY id ${lock}`
      const { rows } = await tx.query<{ balance: string }>(text)
      if (rows.reduce((sum, { balance }) => sum + Number(balance), 0) < 150) return 'not enough'
      return take(tx, account, 150, 'cash')
    },
    options as typeof SERIALIZABLE,
  )
}

async function depositByValue(db: Db, amount: number, lock?: string) {
  return inTransaction(db, async (tx) => {
    const balance = await balanceOf(tx, 'giro', lock)
    await tx.query(`UPDATE accounts SET balance = $1 WHERE id = 'giro'`, [balance + amount])
  })
}

async function depositByDifference(db: Db, amount: number) {
  await db.query(`UPDATE accounts SET balance = balance + $1 WHERE id = 'giro'`, [amount])
}

const debit = (db: Queries) =>
  db.query(`UPDATE accounts SET balance = balance - 30 WHERE id = 'giro'`)
const credit = (db: Queries) =>
  db.query(`UPDATE accounts SET balance = balance + 30 WHERE id = 'savings'`)

async function transferInTwo(db: Db) {
  await inTransaction(db, debit)
  await inTransaction(db, credit)
}

async function transferInOne(db: Db) {
  await inTransaction(db, async (tx) => {
    await debit(tx)
    await credit(tx)
  })
}

const audit = (db: Db) => number(db, 'SELECT sum(balance) FROM accounts')

const CHARGES = {
  schema: `
    CREATE TABLE charges (id bigint GENERATED ALWAYS AS IDENTITY, key text NOT NULL, cents bigint);
    CREATE TABLE replies (key text PRIMARY KEY, reply text)`,
  seed: '',
  invariants: {
    'a key is charged once': 'SELECT key FROM charges GROUP BY key HAVING count(*) > 1',
  },
}

async function storedReply(db: Queries, key: string): Promise<string | undefined> {
  return (await firstRow<{ reply: string }>(db, 'SELECT reply FROM replies WHERE key = $1', [key]))
    ?.reply
}

async function charge(db: Queries, key: string): Promise<string> {
  await db.query('INSERT INTO charges (key, cents) VALUES ($1, 500)', [key])
  return `charged ${key}`
}

async function chargeGetThenSet(db: Db, key: string) {
  const known = await storedReply(db, key)
  if (known) return known
  const reply = await charge(db, key)
  const text = 'INSERT INTO replies VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET reply = $2'
  await db.query(text, [key, reply])
  return reply
}

function chargeAfterClaim(db: Db, key: string) {
  return inTransaction(db, async (tx) => {
    const claim = 'INSERT INTO replies (key) VALUES ($1) ON CONFLICT DO NOTHING'
    const { rowCount } = await tx.query(claim, [key])
    if (rowCount === 0) return storedReply(tx, key)
    const reply = await charge(tx, key)
    await tx.query('UPDATE replies SET reply = $2 WHERE key = $1', [key, reply])
    return reply
  })
}

const PAYMENTS = {
  schema: `CREATE TABLE orders (id text PRIMARY KEY, status text NOT NULL, cents bigint NOT NULL);
    CREATE TABLE wallets (owner text PRIMARY KEY, cents bigint NOT NULL)`,
  seed: `INSERT INTO orders VALUES ('o1', 'paid', 500); INSERT INTO wallets VALUES ('ann', 0)`,
  invariants: {
    'what was paid once is given back once': 'SELECT * FROM wallets WHERE cents > 500',
  },
}

const giveBack = (db: Queries) =>
  db.query(`UPDATE wallets SET cents = cents + 500 WHERE owner = 'ann'`)

/** A timeout and the customer cancel the same order: the compensation runs twice. */
function compensateByCheck(db: Db) {
  return inTransaction(db, async (tx) => {
    const order = await firstRow<{ status: string }>(
      tx,
      `SELECT status FROM orders WHERE id = 'o1'`,
    )
    if (order?.status === 'refunded') return
    await giveBack(tx)
    await tx.query(`UPDATE orders SET status = 'refunded' WHERE id = 'o1'`)
  })
}

function compensateByTransition(db: Db) {
  return inTransaction(db, async (tx) => {
    const text = `UPDATE orders SET status = 'refunded' WHERE id = 'o1' AND status = 'paid'`
    const { rowCount } = await tx.query(text)
    if (rowCount === 1) await giveBack(tx)
  })
}

/** The provider is called within the transaction, and again with each attempt of it. */
function payInsideTransaction(db: Db, order: string, world: RaceWorld) {
  return inTransaction(
    db,
    async (tx) => {
      const balance = await balanceOf(tx, 'giro')
      if (balance < 40) return 'not enough'
      await world.effect('charge', { key: order })
      await tx.query(`UPDATE accounts SET balance = $1 WHERE id = 'giro'`, [balance - 40])
      return 'paid'
    },
    SERIALIZABLE,
  )
}

/** The intention commits first; the call comes after it, without a lock. */
async function payAfterCommit(db: Db, order: string, world: RaceWorld) {
  const reserve = async (tx: Queries) => {
    const text = `UPDATE accounts SET balance = balance - 40 WHERE id = 'giro' AND balance >= 40`
    const { rowCount } = await tx.query(text)
    return rowCount === 1
  }
  if (!(await inTransaction(db, reserve, SERIALIZABLE))) return 'not enough'
  await world.effect('charge', { key: order })
  return 'paid'
}

export const money: TwinSet = {
  'GET-then-SET idempotency': {
    ...CHARGES,
    broken: {
      run: { first: (db) => chargeGetThenSet(db, 'k1'), again: (db) => chargeGetThenSet(db, 'k1') },
    },
    fixed: {
      'the key is claimed in the same transaction': {
        run: {
          first: (db) => chargeAfterClaim(db, 'k1'),
          again: (db) => chargeAfterClaim(db, 'k1'),
        },
      },
    },
  },
  'balance checked in a READ COMMITTED transaction': {
    ...ACCOUNTS,
    invariants: { ...NOT_NEGATIVE, ...BOOKS_BALANCE },
    broken: {
      finds: 'lost-update',
      run: {
        rent: (db) => withdrawInTransaction(db, 'rent', ''),
        food: (db) => withdrawInTransaction(db, 'food', ''),
      },
    },
    fixed: {
      'the row is locked by the check': {
        run: {
          rent: (db) => withdrawInTransaction(db, 'rent', 'FOR UPDATE'),
          food: (db) => withdrawInTransaction(db, 'food', 'FOR UPDATE'),
        },
      },
      'check and write are one statement': {
        run: {
          rent: (db) => withdrawInOneStatement(db, 'rent'),
          food: (db) => withdrawInOneStatement(db, 'food'),
        },
      },
    },
  },
  'guard outside of the transaction': {
    ...ACCOUNTS,
    invariants: { ...NOT_NEGATIVE, ...BOOKS_BALANCE },
    broken: {
      finds: 'lost-update',
      run: {
        rent: (db) => withdrawGuardedOutside(db, 'rent'),
        food: (db) => withdrawGuardedOutside(db, 'food'),
      },
    },
    fixed: {
      'the guard is within, and locks': {
        run: {
          rent: (db) => withdrawInTransaction(db, 'rent', 'FOR NO KEY UPDATE'),
          food: (db) => withdrawInTransaction(db, 'food', 'FOR NO KEY UPDATE'),
        },
      },
    },
  },
  'write skew over two accounts': {
    ...ACCOUNTS,
    invariants: {
      'both together are not overdrawn':
        'SELECT owner FROM accounts GROUP BY owner HAVING sum(balance) < 0',
    },
    broken: {
      run: {
        giro: (db) => withdrawFromBoth(db, 'giro', false),
        savings: (db) => withdrawFromBoth(db, 'savings', false),
      },
    },
    fixed: {
      'SERIALIZABLE with retry': {
        run: {
          giro: (db) => withdrawFromBoth(db, 'giro', true),
          savings: (db) => withdrawFromBoth(db, 'savings', true),
        },
      },
      'both rows are locked, in order': {
        run: {
          giro: (db) => withdrawFromBoth(db, 'giro', false, 'FOR UPDATE'),
          savings: (db) => withdrawFromBoth(db, 'savings', false, 'FOR UPDATE'),
        },
      },
    },
  },
  'balance written back by value': {
    ...ACCOUNTS,
    broken: {
      finds: 'lost-update',
      run: { wage: (db) => depositByValue(db, 10), gift: (db) => depositByValue(db, 5) },
    },
    fixed: {
      'written as a difference': {
        run: {
          wage: (db) => depositByDifference(db, 10),
          gift: (db) => depositByDifference(db, 5),
        },
      },
      'read FOR UPDATE': {
        run: {
          wage: (db) => depositByValue(db, 10, 'FOR UPDATE'),
          gift: (db) => depositByValue(db, 5, 'FOR UPDATE'),
        },
      },
    },
  },
  'transfer torn into two transactions': {
    ...ACCOUNTS,
    broken: {
      run: { transfer: transferInTwo, audit },
    },
    fixed: { 'one transaction': { run: { transfer: transferInOne, audit } } },
  },
  'compensation not idempotent': {
    ...PAYMENTS,
    broken: {
      run: { timeout: compensateByCheck, customer: compensateByCheck },
    },
    fixed: {
      'the transition decides': {
        run: { timeout: compensateByTransition, customer: compensateByTransition },
      },
    },
  },
  'external call in a transaction': {
    ...ACCOUNTS,
    broken: {
      finds: 'double-effect',
      run: {
        book: (db, world) => payInsideTransaction(db, 'book', world),
        lamp: (db, world) => payInsideTransaction(db, 'lamp', world),
      },
    },
    fixed: {
      'the call follows the commit': {
        run: {
          book: (db, world) => payAfterCommit(db, 'book', world),
          lamp: (db, world) => payAfterCommit(db, 'lamp', world),
        },
      },
    },
  },
}
