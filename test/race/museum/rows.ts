/** Rows that are checked and then written: names that must be unique, documents, pages, caches. */
import { type Db, firstRow, inTransaction, number, type Queries } from '../sql.ts'
import type { TwinSet } from '../twins.ts'

const USERS = {
  schema: 'CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY, email text NOT NULL)',
  seed: '',
  invariants: {
    'an address has one account': 'SELECT email FROM users GROUP BY email HAVING count(*) > 1',
  },
}

const EMAIL = 'ann@example.com'

async function signUpChecked(db: Db) {
  const known = 'SELECT count(*) FROM users WHERE email = $1'
  if ((await number(db, known, [EMAIL])) > 0) return 'taken'
  await db.query('INSERT INTO users (email) VALUES ($1)', [EMAIL])
  return 'welcome'
}

async function signUpUnique(db: Db) {
  const text = 'INSERT INTO users (email) VALUES ($1) ON CONFLICT (email) DO NOTHING'
  const { rowCount } = await db.query(text, [EMAIL])
  return rowCount === 1 ? 'welcome' : 'taken'
}

const SETTINGS = {
  schema: 'CREATE TABLE settings (name text PRIMARY KEY, value text NOT NULL)',
  seed: '',
}

async function saveByLooking(db: Db, value: string) {
  if (await firstRow(db, `SELECT value FROM settings WHERE name = 'theme'`))
    await db.query(`UPDATE settings SET value = $1 WHERE name = 'theme'`, [value])
  else await db.query(`INSERT INTO settings VALUES ('theme', $1)`, [value])
}

async function saveByUpsert(db: Db, value: string) {
  const text = `INSERT INTO settings VALUES ('theme', $1) ON CONFLICT (name) DO UPDATE SET value = $1`
  await db.query(text, [value])
}

const WALLETS = {
  schema: 'CREATE TABLE wallets (owner text NOT NULL, cents bigint NOT NULL)',
  seed: '',
  invariants: {
    'everybody has one wallet': 'SELECT owner FROM wallets GROUP BY owner HAVING count(*) > 1',
  },
}

/** FOR UPDATE locks the rows that are there; what is not there cannot be locked. */
function depositLockingNothing(db: Db, cents: number) {
  return inTransaction(db, async (tx) => {
    const wallet = await firstRow(tx, `SELECT cents FROM wallets WHERE owner = 'ann' FOR UPDATE`)
    if (wallet) await tx.query(`UPDATE wallets SET cents = cents + $1 WHERE owner = 'ann'`, [cents])
    else await tx.query(`INSERT INTO wallets VALUES ('ann', $1)`, [cents])
  })
}

async function depositByUpsert(db: Db, cents: number) {
  const text = `INSERT INTO wallets VALUES ('ann', $1)
    ON CONFLICT (owner) DO UPDATE SET cents = wallets.cents + excluded.cents`
  await db.query(text, [cents])
}

const INVOICES = {
  schema: `CREATE TABLE invoices (number int NOT NULL, customer text NOT NULL);
    CREATE TABLE counters (name text PRIMARY KEY, last int NOT NULL)`,
  seed: `INSERT INTO counters VALUES ('invoice', 0)`,
  invariants: {
    'a number is given once': 'SELECT number FROM invoices GROUP BY number HAVING count(*) > 1',
  },
}

async function invoiceByMax(db: Db, customer: string) {
  const next = await number(db, 'SELECT coalesce(max(number), 0) + 1 FROM invoices')
  await db.query('INSERT INTO invoices VALUES ($1, $2)', [next, customer])
  return next
}

function invoiceByCounter(db: Db, customer: string) {
  return inTransaction(db, async (tx) => {
    const text = `UPDATE counters SET last = last + 1 WHERE name = 'invoice' RETURNING last`
    const next = await number(tx, text)
    await tx.query('INSERT INTO invoices VALUES ($1, $2)', [next, customer])
    return next
  })
}

const PAGES = {
  schema: `CREATE TABLE documents (id text PRIMARY KEY, title text NOT NULL, tags text[] NOT NULL,
    version int NOT NULL)`,
  seed: `INSERT INTO documents VALUES ('d1', 'Draft', '{}', 1)`,
}

interface DocumentRow {
  readonly title: string
  readonly tags: readonly string[]
  readonly version: number
}

async function readDocument(db: Queries): Promise<DocumentRow> {
  const text = `SELECT title, tags, version FROM documents WHERE id = 'd1'`
  return (await firstRow<DocumentRow>(db, text)) as DocumentRow
}

async function tagCounting(db: Db, tag: string) {
  const { tags, version } = await readDocument(db)
  const text = `UPDATE documents SET tags = $1, version = $2 WHERE id = 'd1'`
  await db.query(text, [[...tags, tag], version + 1])
}

async function tagChecking(db: Db, tag: string) {
  for (;;) {
    const { tags, version } = await readDocument(db)
    const text = `UPDATE documents SET tags = $1, version = $2 + 1 WHERE id = 'd1' AND version = $2`
    const { rowCount } = await db.query(text, [[...tags, tag], version])
    if (rowCount === 1) return
  }
}

/** What an ORM's `save` does where it writes every column of the object it has read. */
async function saveWhole(db: Db, change: Partial<DocumentRow>) {
  const { title, tags } = { ...(await readDocument(db)), ...change }
  await db.query(`UPDATE documents SET title = $1, tags = $2 WHERE id = 'd1'`, [title, tags])
}

const rename = (db: Db) => db.query(`UPDATE documents SET title = 'Final' WHERE id = 'd1'`)
const retag = (db: Db) => db.query(`UPDATE documents SET tags = '{done}' WHERE id = 'd1'`)

const TAGS = {
  schema: `CREATE TABLE posts (id text PRIMARY KEY);
    CREATE TABLE tags (post text REFERENCES posts, tag text, PRIMARY KEY (post, tag))`,
  seed: `INSERT INTO posts VALUES ('p1'); INSERT INTO tags VALUES ('p1', 'old')`,
}

function replaceTags(db: Db, tags: readonly string[], lock: boolean) {
  return inTransaction(db, async (tx) => {
    if (lock) await tx.query(`SELECT FROM posts WHERE id = 'p1' FOR UPDATE`)
    await tx.query(`DELETE FROM tags WHERE post = 'p1'`)
    await tx.query(`INSERT INTO tags SELECT 'p1', unnest($1::text[])`, [tags])
  })
}

const CACHE = {
  schema: `CREATE TABLE prices (sku text PRIMARY KEY, cents int NOT NULL, version int NOT NULL);
    CREATE TABLE cache (sku text PRIMARY KEY, cents int NOT NULL, version int NOT NULL)`,
  seed: `INSERT INTO prices VALUES ('lamp', 500, 1)`,
}

interface Price {
  readonly cents: number
  readonly version: number
}

const cached = (db: Db) =>
  firstRow<Price>(db, `SELECT cents, version FROM cache WHERE sku = 'lamp'`)
const priceOf = async (db: Db) =>
  (await firstRow<Price>(db, `SELECT cents, version FROM prices WHERE sku = 'lamp'`)) as Price

async function readAside(db: Db) {
  const hit = await cached(db)
  if (hit) return hit.cents
  const { cents, version } = await priceOf(db)
  const text = `INSERT INTO cache VALUES ('lamp', $1, $2)
    ON CONFLICT (sku) DO UPDATE SET cents = $1, version = $2`
  await db.query(text, [cents, version])
  return cents
}

async function writeThenDelete(db: Db) {
  await db.query(`UPDATE prices SET cents = 700, version = version + 1 WHERE sku = 'lamp'`)
  await db.query(`DELETE FROM cache WHERE sku = 'lamp'`)
}

/** A cache that compares: an older version never replaces a newer one. */
async function putNewer(db: Db, { cents, version }: Price) {
  const text = `INSERT INTO cache VALUES ('lamp', $1, $2) ON CONFLICT (sku)
    DO UPDATE SET cents = $1, version = $2 WHERE cache.version < $2`
  await db.query(text, [cents, version])
}

async function readVersioned(db: Db) {
  const hit = await cached(db)
  if (hit) return hit.cents
  const price = await priceOf(db)
  await putNewer(db, price)
  return price.cents
}

async function writeThrough(db: Db) {
  const text = `UPDATE prices SET cents = 700, version = version + 1 WHERE sku = 'lamp'
    RETURNING cents, version`
  await putNewer(db, (await firstRow<Price>(db, text)) as Price)
}

const LIST = {
  schema: 'CREATE TABLE items (id int PRIMARY KEY)',
  seed: 'INSERT INTO items SELECT generate_series(1, 4)',
}

const idsOf = async (db: Db, text: string, value: number) =>
  (await db.query<{ id: number }>(text, [value])).rows.map(({ id }) => id)

async function exportByOffset(db: Db) {
  const text = 'SELECT id FROM items ORDER BY id LIMIT 2 OFFSET $1'
  return [...(await idsOf(db, text, 0)), ...(await idsOf(db, text, 2))]
}

async function exportByKey(db: Db) {
  const text = 'SELECT id FROM items WHERE id > $1 ORDER BY id LIMIT 2'
  const page = await idsOf(db, text, 0)
  return [...page, ...(await idsOf(db, text, page.at(-1) ?? 0))]
}

const removeFirst = async (db: Db) => {
  await db.query('DELETE FROM items WHERE id = 1')
}

export const rows: TwinSet = {
  'unique check by SELECT': {
    ...USERS,
    broken: {
      finds: 'phantom',
      run: { tab: signUpChecked, otherTab: signUpChecked },
    },
    fixed: {
      'a unique index': {
        schema: 'CREATE UNIQUE INDEX ON users (email)',
        run: { tab: signUpUnique, otherTab: signUpUnique },
      },
    },
  },
  'SELECT, then INSERT or UPDATE': {
    ...SETTINGS,
    broken: {
      finds: 'unique-violation',
      run: { dark: (db) => saveByLooking(db, 'dark'), light: (db) => saveByLooking(db, 'light') },
    },
    fixed: {
      upsert: {
        run: { dark: (db) => saveByUpsert(db, 'dark'), light: (db) => saveByUpsert(db, 'light') },
      },
    },
  },
  'FOR UPDATE of a row that is not there': {
    ...WALLETS,
    broken: {
      run: {
        wage: (db) => depositLockingNothing(db, 10),
        gift: (db) => depositLockingNothing(db, 5),
      },
    },
    fixed: {
      'a unique index and an upsert': {
        schema: 'CREATE UNIQUE INDEX ON wallets (owner)',
        run: { wage: (db) => depositByUpsert(db, 10), gift: (db) => depositByUpsert(db, 5) },
      },
    },
  },
  'number taken from max + 1': {
    ...INVOICES,
    broken: {
      finds: 'phantom',
      run: { ann: (db) => invoiceByMax(db, 'ann'), bob: (db) => invoiceByMax(db, 'bob') },
    },
    fixed: {
      'a counter that is locked': {
        run: { ann: (db) => invoiceByCounter(db, 'ann'), bob: (db) => invoiceByCounter(db, 'bob') },
      },
    },
  },
  'optimistic update that does not check the version': {
    ...PAGES,
    broken: {
      finds: 'lost-update',
      run: { ann: (db) => tagCounting(db, 'new'), bob: (db) => tagCounting(db, 'urgent') },
    },
    fixed: {
      'the version is part of the condition': {
        run: { ann: (db) => tagChecking(db, 'new'), bob: (db) => tagChecking(db, 'urgent') },
      },
    },
  },
  'blind write of the whole row': {
    ...PAGES,
    broken: {
      finds: 'lost-update',
      run: {
        ann: (db) => saveWhole(db, { title: 'Final' }),
        bob: (db) => saveWhole(db, { tags: ['done'] }),
      },
    },
    fixed: {
      'only what has changed': {
        run: {
          ann: async (db) => void (await rename(db)),
          bob: async (db) => void (await retag(db)),
        },
      },
    },
  },
  'delete all, then insert': {
    ...TAGS,
    broken: {
      run: {
        ann: (db) => replaceTags(db, ['a'], false),
        bob: (db) => replaceTags(db, ['b'], false),
      },
    },
    fixed: {
      'the owner of the rows is locked': {
        run: {
          ann: (db) => replaceTags(db, ['a'], true),
          bob: (db) => replaceTags(db, ['b'], true),
        },
      },
    },
  },
  'cache-aside filled from before the write': {
    ...CACHE,
    broken: {
      run: { read: readAside, write: writeThenDelete },
    },
    fixed: { 'versions are compared': { run: { read: readVersioned, write: writeThrough } } },
  },
  'pages by OFFSET': {
    ...LIST,
    broken: {
      finds: 'read-skew',
      run: { export: exportByOffset, remove: removeFirst },
    },
    fixed: { 'pages by key': { run: { export: exportByKey, remove: removeFirst } } },
  },
}
