import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { count, eq, sql as raw } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { bigint, jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { isFault } from '../base/fault.ts'
import { plainTransaction, WireDatabase } from '../testing/wire-database.ts'
import { Catalog } from './catalog.ts'
import { pgClientOver } from './drizzle.ts'
import { createGuard } from './guard.ts'
import type { Pool } from './pool.ts'
import { hasState } from './sqlstate.ts'
import type { Statement } from './statement.ts'
import type { Transaction } from './transaction.ts'

const authors = pgTable('authors', {
  id: uuid().primaryKey(),
  name: text().notNull(),
  born: timestamp({ withTimezone: true, mode: 'string' }),
})
const books = pgTable('books', {
  id: uuid().primaryKey(),
  authorId: uuid('author_id').notNull(),
  name: text().notNull(),
  copies: bigint({ mode: 'number' }).notNull(),
  tags: text().array(),
  extra: jsonb(),
  added: timestamp({ withTimezone: true }),
})

const ID = '0198c0de-0000-7000-8000-00000000000'
const ann = { id: `${ID}1`, name: 'Ann', born: '1970-01-02T03:04:05.678901Z' }
const book = {
  id: `${ID}2`,
  authorId: ann.id,
  name: 'A book',
  copies: 5_000_000_000,
  tags: ['a', 'b,c'],
  extra: { pages: [1, 2] },
  added: new Date('2026-11-21T07:10:27.123Z'),
}

let database: WireDatabase
let pool: Pool

before(async () => {
  database = await WireDatabase.make(
    'CREATE TABLE authors (id uuid PRIMARY KEY, name text NOT NULL, born timestamptz)',
    `CREATE TABLE books (id uuid PRIMARY KEY, author_id uuid NOT NULL REFERENCES authors, name text NOT NULL,
       copies int8 NOT NULL, tags text[], extra jsonb, added timestamptz)`,
  )
  pool = database.pool({ connectionsMax: 1 })
})

beforeEach(() => database.directly('TRUNCATE authors, books'))

after(() => database.drop())

function dbOver(tx: Transaction) {
  return drizzle(
    pgClientOver((statement) => tx.query(statement)),
    { schema: { authors, books } },
  )
}

type Db = ReturnType<typeof dbOver>

function within<T>(work: (db: Db, tx: Transaction) => Promise<T>): Promise<T> {
  return plainTransaction(pool, (tx) => work(dbOver(tx), tx))
}

async function fill(): Promise<void> {
  await within(async (db) => {
    await db.insert(authors).values(ann)
    await db.insert(books).values(book)
  })
}

test('rows go in and come back, each column by its declaration', async () => {
  await fill()
  const found = await within((db) => db.select().from(books).where(eq(books.id, book.id)))
  assert.deepEqual(found, [book])
  const [author] = await within((db) => db.select().from(authors))
  assert.deepEqual(author, ann)
})

test('columns of the same name of two tables stay apart', async () => {
  await fill()
  const [found] = await within((db) =>
    db.select().from(books).innerJoin(authors, eq(books.authorId, authors.id)),
  )
  assert.equal(found?.books.id, book.id)
  assert.equal(found?.authors.id, ann.id)
  assert.deepEqual([found?.books.name, found?.authors.name], ['A book', 'Ann'])
})

test('returning, counts of writes, aggregates and raw statements', async () => {
  await fill()
  await within(async (db) => {
    const [changed] = await db
      .update(books)
      .set({ copies: raw`${books.copies} + 1` })
      .where(eq(books.id, book.id))
      .returning({ copies: books.copies })
    assert.deepEqual(changed, { copies: 5_000_000_001 })
    const { rowCount } = await db.update(books).set({ name: 'Another' })
    assert.equal(rowCount, 1)
    assert.deepEqual(await db.select({ all: count() }).from(books), [{ all: 1 }])
    assert.equal(await db.$count(books), 1)
    const { rows } = await db.execute(raw`SELECT name, copies FROM books WHERE id = ${book.id}`)
    assert.deepEqual(rows, [{ name: 'Another', copies: 5_000_000_001 }])
  })
})

test('the query form with relations reads one statement', async () => {
  await fill()
  const found = await within((db) => db.query.books.findFirst({ columns: { name: true } }))
  assert.deepEqual(found, { name: 'A book' })
})

test('int8 as bigint by declaration, and refused where it would be inexact', async () => {
  await database.directly(`INSERT INTO authors VALUES ('${ann.id}', 'Ann')`)
  await database.directly(
    `INSERT INTO books VALUES ('${book.id}', '${ann.id}', 'A', 9007199254740993)`,
  )
  const big = pgTable('books', { copies: bigint({ mode: 'bigint' }) })
  const ask = (declared: boolean) =>
    plainTransaction(pool, (tx) =>
      drizzle(pgClientOver((statement) => tx.query(statement), { bigint: declared }))
        .select()
        .from(big),
    )
  assert.deepEqual(await ask(true), [{ copies: 9007199254740993n }])
  await assert.rejects(ask(false), (error) => isFault(error, 'HF_INTEGER_RANGE'))
})

test('independent queries under Promise.all are one trip', async () => {
  await fill()
  await within(async (db, tx) => {
    await tx.query({ text: 'SELECT 1', values: [] })
    const { roundTrips } = pool.metrics()
    const all = await Promise.all([
      db.select({ name: books.name }).from(books),
      db.select({ name: authors.name }).from(authors),
      db.$count(books),
    ])
    assert.deepEqual(all, [[{ name: 'A book' }], [{ name: 'Ann' }], 1])
    assert.equal(pool.metrics().roundTrips - roundTrips, 1)
  })
})

test('k awaited queries cost k + 1 trips', async () => {
  await fill()
  const seen = await database.tripsOf(() =>
    within(async (db) => {
      for (let n = 0; n < 3; n++) await db.select().from(books)
    }),
  )
  assert.equal(seen, 4)
})

test('a transaction of its own is refused, and nothing of it is sent', async () => {
  let ran = false
  const inner = within((db) =>
    db.transaction(async (tx) => {
      ran = true
      await tx.insert(authors).values(ann)
    }),
  )
  await assert.rejects(inner, (error) => {
    assert.ok(error instanceof Error)
    assert.ok(isFault(error.cause, 'HF_OPTION_INVALID'))
    assert.match(error.cause.message, /tx\.call/)
    return true
  })
  assert.equal(ran, false)
  for (const text of ['savepoint a', ' /* x */ COMMIT', 'rollback', 'Start transaction']) {
    const asked = within((db) => db.execute(raw.raw(text)))
    await assert.rejects(
      asked,
      (error) => isFault((error as Error).cause, 'HF_OPTION_INVALID'),
      text,
    )
  }
})

test('an error of the server comes as itself, out of the builder’s wrapper; collisions are retried', async () => {
  await fill()
  await assert.rejects(
    within((db) => db.insert(authors).values(ann)),
    (error) => hasState(error, '23505') && error.constraint === 'authors_pkey',
  )
  let runs = 0
  await within(async (db) => {
    if (++runs === 1) await db.execute(raw`DO $$ BEGIN RAISE serialization_failure; END $$`)
  })
  assert.equal(runs, 2)
})

test('its statements pass the guard like all others', async () => {
  const guard = createGuard({ mode: 'development' })
  const table = (name: string, owner: string) => ({
    schema: 'public',
    name,
    owner,
    columns: new Map([['id', 'uuid']]),
    uniqueKeys: [['id']],
    tenantColumn: undefined,
  })
  const tables = [table('authors', 'people'), table('books', 'library')]
  guard.use(new Catalog({ searchPath: ['public'], tables, functions: new Map() }))
  await guard.ready
  const refused = (
    work: (db: Db) => Promise<unknown>,
    code: 'HF_FOREIGN_TABLE' | 'HF_N_PLUS_ONE' | 'HF_UNBOUNDED_SELECT',
  ) => {
    const asked = plainTransaction(pool, (tx) => {
      const own = guard.begin({ operation: 'library.x', module: 'library' })
      const send = async (statement: Statement) => tx.query(own.check(statement))
      return work(drizzle(pgClientOver(send), { schema: { authors, books } }))
    })
    return assert.rejects(asked, (error) => isFault((error as Error).cause, code))
  }
  await refused((db) => db.insert(authors).values(ann), 'HF_FOREIGN_TABLE')
  await refused((db) => db.select().from(books), 'HF_UNBOUNDED_SELECT')
  await refused(async (db) => {
    for (let n = 0; n < 4; n++)
      await db
        .select()
        .from(books)
        .where(eq(books.id, `${ID}${n}`))
  }, 'HF_N_PLUS_ONE')
})
