/** Queries, connections and migrations: the code of the rules on a real Postgres. */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import type { Pool, PoolClient } from 'pg'
import type * as AccessPatternSchema from '../../src/rules/code/access-pattern-schema/fixed.ts'
import type * as BatchedBackfill from '../../src/rules/code/batched-backfill/fixed.ts'
import type * as CascadingDelete from '../../src/rules/code/cascading-delete/fixed.ts'
import type * as CompositeIndex from '../../src/rules/code/composite-index/fixed.ts'
import type * as DateCursor from '../../src/rules/code/date-cursor-precision/fixed.ts'
import type * as Destructive from '../../src/rules/code/destructive-migration/fixed.ts'
import type * as ExpandContract from '../../src/rules/code/expand-contract/fixed.ts'
import type * as InMemoryState from '../../src/rules/code/in-memory-state/fixed.ts'
import type * as IndexConcurrently from '../../src/rules/code/index-not-concurrently/fixed.ts'
import type * as Keyset from '../../src/rules/code/keyset-pagination/fixed.ts'
import type * as LeakedClient from '../../src/rules/code/leaked-client/fixed.ts'
import type * as MissingIndexFilter from '../../src/rules/code/missing-index-filter/fixed.ts'
import type * as MissingIndexForeignKey from '../../src/rules/code/missing-index-foreign-key/fixed.ts'
import type * as NPlusOne from '../../src/rules/code/n-plus-one/fixed.ts'
import type * as NotNull from '../../src/rules/code/not-null-rewrite/fixed.ts'
import type * as OffsetDeepPage from '../../src/rules/code/offset-deep-page/fixed.ts'
import type * as PlainPassword from '../../src/rules/code/plain-password/fixed.ts'
import type * as PreparedStatement from '../../src/rules/code/prepared-statement-pooler/fixed.ts'
import type * as RowSecurity from '../../src/rules/code/rbac-abac-rls/fixed.ts'
import type * as Search from '../../src/rules/code/search/fixed.ts'
import type * as SelectStar from '../../src/rules/code/select-star/fixed.ts'
import type * as SessionState from '../../src/rules/code/session-state-pooler/fixed.ts'
import type * as SetWithoutLocal from '../../src/rules/code/set-without-local/fixed.ts'
import type * as SoftDelete from '../../src/rules/code/soft-delete-purge/fixed.ts'
import type * as StringSql from '../../src/rules/code/string-sql/fixed.ts'
import type * as TypeChange from '../../src/rules/code/type-change-rewrite/fixed.ts'
import type * as Unbounded from '../../src/rules/code/unbounded-query/fixed.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/test-database.ts'
import { type Arena, around, endedOrBlocked, inArena, recording } from './arena.ts'
import { executes, served } from './pair.ts'

const USERS = `
  CREATE TABLE users (id int PRIMARY KEY, email text, name text, password_hash text, deleted_at timestamptz);
  INSERT INTO users VALUES (1, 'ada@example.com', 'Ada', 'hash'), (2, 'bob@example.com', 'Bob', 'hash')`

const ORDERS = `
  CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int, state text, placed_at timestamptz);
  CREATE TABLE lines (order_id bigint, sku text, quantity int);
  INSERT INTO orders SELECT n, 1, 'placed', '2026-01-01'::timestamptz + n * interval '1 minute'
    FROM generate_series(1, 2000) AS n;
  INSERT INTO lines SELECT n, 'A', 1 FROM generate_series(1, 2000) AS n;`

interface Plan {
  readonly 'Node Type': string
  readonly 'Rows Removed by Filter'?: number
  readonly 'Shared Hit Blocks': number
  readonly 'Shared Read Blocks': number
  readonly Plans?: readonly Plan[]
}

/** As a tool for migrations does it: all on one connection, given back to nobody. */
async function migrated(db: Pool, up: (client: PoolClient) => Promise<void>): Promise<void> {
  const client = await db.connect()
  await up(client)
}

async function planOf({ db }: Pick<Arena, 'db'>, sql: string, values: unknown[] = []) {
  const { rows } = await db.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`, values)
  const root: Plan = rows[0]['QUERY PLAN'][0].Plan
  const nodes = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)]
  return { root, nodes: nodes(root) }
}

describe('data', () => {
  let database: TestDatabase
  before(async () => {
    database = await testDatabase()
  })
  after(() => database.drop())
  const arena = (setup: string, body: (arena: Arena) => Promise<void>) =>
    inArena(database, setup, body)

  executes<typeof NPlusOne>('n-plus-one', ({ ordersWithLines }) =>
    arena(ORDERS, async ({ db }) => {
      const watched = recording(db)
      const orders = await ordersWithLines(watched.db, 1)
      assert.ok(orders.every(({ lines }) => lines.length === 1))
      assert.ok(watched.statements.length <= 2, `${watched.statements.length} statements`)
    }),
  )

  executes<typeof Unbounded>('unbounded-query', ({ orders }) =>
    arena(ORDERS, async ({ db }) => {
      assert.ok((await orders(db)).length <= 100)
    }),
  )

  executes<typeof SelectStar>('select-star', ({ profile }) =>
    arena(USERS, async ({ db }) => {
      assert.deepEqual(Object.keys(await profile(db, 1)), ['id', 'email', 'name'])
    }),
  )

  executes<typeof OffsetDeepPage>('offset-deep-page', ({ page }) =>
    arena(ORDERS, async ({ db }) => {
      const first = await page(db, 0)
      await db.query('INSERT INTO orders (id) VALUES (3000)')
      const second = await page(db, first.next)
      const seen = [...first.rows, ...second.rows].map(({ id }) => Number(id))
      assert.deepEqual(seen, [2000, 1999, 1998, 1997])
    }),
  )

  executes<typeof DateCursor>('date-cursor-precision', ({ page }) =>
    arena(
      `CREATE TABLE readings (id int PRIMARY KEY, at timestamptz);
       INSERT INTO readings SELECT n, '2026-01-01'::timestamptz + n * interval '1 microsecond'
         FROM generate_series(1, 100) AS n`,
      async ({ db }) => {
        const seen = new Set<number>()
        let cursor: string | undefined
        for (let pages = 0; pages < 12; pages++) {
          const { rows, next } = await page(db, cursor)
          for (const { id } of rows) seen.add(id)
          cursor = next ?? cursor
        }
        assert.equal(seen.size, 100)
      },
    ),
  )

  executes<typeof Keyset>('keyset-pagination', ({ page, index }) =>
    arena(ORDERS, async ({ db }) => {
      await db.query(`${index}; ANALYZE orders; SET enable_seqscan = off`)
      const watched = recording(db)
      await page(watched.db, '2026-01-01T08:00:00Z', 480)
      const { nodes } = await planOf({ db }, watched.statements[0]?.text ?? '', [
        '2026-01-01T08:00:00Z',
        480,
      ])
      const removed = nodes.map((node) => node['Rows Removed by Filter'] ?? 0)
      assert.ok(Math.max(...removed) < 10, `${removed} rows read and thrown away`)
    }),
  )

  executes<typeof MissingIndexForeignKey>('missing-index-foreign-key', ({ migration }) =>
    arena(migration, async ({ value }) => {
      const unindexed = `SELECT count(*) FROM pg_constraint AS c
        WHERE contype = 'f' AND connamespace = current_schema::regnamespace AND NOT EXISTS (
          SELECT FROM pg_index WHERE indrelid = c.conrelid AND indkey[0] = c.conkey[1])`
      assert.equal(await value(unindexed), '0')
    }),
  )

  executes<typeof MissingIndexFilter>('missing-index-filter', ({ table, indexes, query }) =>
    arena(table, async ({ db }) => {
      for (const index of indexes) await db.query(index)
      await db.query(`INSERT INTO jobs
        SELECT n, CASE WHEN n % 500 = 0 THEN 'waiting' ELSE 'done' END, '2026-01-01'
        FROM generate_series(1, 5000) AS n; ANALYZE jobs`)
      const { nodes } = await planOf({ db }, query)
      assert.ok(nodes.every((node) => node['Node Type'] !== 'Seq Scan'))
    }),
  )

  executes<typeof CompositeIndex>('composite-index', ({ query, index }) =>
    arena(
      `CREATE TABLE orders (id int, tenant_id int, placed_at timestamptz);
       INSERT INTO orders SELECT n, n % 1000, '2026-02-01'::timestamptz + n * interval '1 second'
         FROM generate_series(1, 50000) AS n`,
      async ({ db }) => {
        await db.query(`${index}; ANALYZE orders`)
        const { root } = await planOf({ db }, query)
        const pages = root['Shared Hit Blocks'] + root['Shared Read Blocks']
        assert.ok(pages < 60, `${pages} pages for 20 rows`)
      },
    ),
  )

  executes<typeof AccessPatternSchema>('access-pattern-schema', ({ migration, book }) =>
    arena(migration, async ({ db, value }) => {
      for (const id of [1, 2]) await db.query(book, [id, 7, '2026-12-24']).catch(() => undefined)
      assert.equal(await value('SELECT count(*) FROM bookings'), '1')
    }),
  )

  executes<typeof Search>('search', (code) =>
    arena(
      `CREATE TABLE products (id int, name text, description text);
       INSERT INTO products VALUES (1, 'Shoe for runners', 'light'), (2, 'Hat', 'warm')`,
      async ({ db }) => {
        if (code.column !== undefined) await db.query(code.column)
        assert.equal((await code.findProducts(db, 'light shoes')).length, 1)
      },
    ),
  )

  executes<typeof CascadingDelete>('cascading-delete', ({ up, remove }) =>
    arena('', async ({ db, value }) => {
      await migrated(db, up)
      await db.query('INSERT INTO customers (id) VALUES (1); INSERT INTO invoices VALUES (1, 1)')
      await db.query(remove, [1])
      assert.equal(await value('SELECT count(*) FROM invoices'), '1')
    }),
  )

  executes<typeof SoftDelete>('soft-delete-purge', ({ lookups, remove, uniqueEmail }) =>
    arena(USERS, async ({ db }) => {
      await db.query(uniqueEmail)
      await remove(db, 1)
      const { rows } = await db.query(lookups.byEmail, ['ada@example.com'])
      assert.deepEqual(rows, [])
      const again = db.query("INSERT INTO users (id, email) VALUES (3, 'ada@example.com')")
      await assert.doesNotReject(again)
    }),
  )

  executes<typeof LeakedClient>('leaked-client', ({ reserve }) =>
    arena(
      "CREATE TABLE seats (seat text PRIMARY KEY); INSERT INTO seats VALUES ('1A')",
      async ({ db }) => {
        await assert.rejects(reserve(db, '1A'), { code: '23505' })
        assert.equal(db.totalCount - db.idleCount, 0, 'A client did not come back.')
      },
    ),
  )

  executes<typeof PreparedStatement>('prepared-statement-pooler', ({ findUser }) =>
    arena(USERS, async ({ db }) => {
      const server = await db.connect()
      const requests = findUser(server, 1).then(() => findUser(server, 2))
      await assert.doesNotReject(requests, 'The connection was prepared by somebody before.')
    }),
  )

  executes<typeof SessionState>('session-state-pooler', ({ exclusively }) =>
    arena('', async ({ db, value }) => {
      const taken = Promise.withResolvers<void>()
      await exclusively(db, 42, async () => {
        await db.connect()
        taken.resolve()
      })
      await taken.promise
      const held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42"
      const own = `${held} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
      assert.equal(await value(own), '0', 'The lock is still held.')
    }),
  )

  executes<typeof SetWithoutLocal>('set-without-local', ({ ordersOf }) =>
    arena(ORDERS, async ({ db, value }) => {
      await ordersOf(db, 'acme')
      assert.equal(await value("SELECT coalesce(current_setting('app.tenant', true), '')"), '')
    }),
  )

  executes<typeof InMemoryState>('in-memory-state', ({ createDrafts }) =>
    arena('CREATE TABLE drafts (id text PRIMARY KEY, text text)', async ({ db }) => {
      const [one, two] = [createDrafts(db), createDrafts(db)]
      await one.save('d-1', 'half a sentence')
      assert.equal(await two.load('d-1'), 'half a sentence')
    }),
  )

  executes<typeof RowSecurity>('rbac-abac-rls', ({ policy, invoice }) =>
    arena(
      `CREATE TABLE invoices (id int PRIMARY KEY, tenant_id text, total int);
       INSERT INTO invoices VALUES (1, 'acme', 10), (2, 'globex', 20)`,
      async ({ db }) => {
        await db.query(policy)
        assert.equal((await invoice(db, 'acme', 1))?.total, 10)
        assert.equal(await invoice(db, 'acme', 2), undefined)
      },
    ),
  )

  executes<typeof StringSql>('string-sql', ({ routes }) =>
    arena(USERS, async ({ db }) => {
      const find = (name: string) =>
        served(
          (app) => routes(app, db),
          async (app) => (await app.inject({ url: '/users', query: { name } })).json(),
        )
      assert.equal((await find('Ada')).length, 1)
      assert.deepEqual(await find("x' OR '1' = '1"), [])
    }),
  )

  executes<typeof PlainPassword>('plain-password', ({ register }) =>
    arena('CREATE TABLE users (email text, password text)', async ({ db, value }) => {
      await register(db, 'ada@example.com', 'correct horse')
      assert.ok(!(await value('SELECT password FROM users')).includes('correct horse'))
    }),
  )

  executes<typeof ExpandContract>('expand-contract', ({ before: schema, deploy, oldWrite }) =>
    arena(schema, async ({ db, value }) => {
      for (const step of deploy) await db.query(step)
      await assert.doesNotReject(db.query(oldWrite))
      assert.equal(await value('SELECT full_name FROM users'), 'Ada')
    }),
  )

  executes<typeof Destructive>('destructive-migration', ({ before: schema, up, oldRead }) =>
    arena(schema, async ({ db }) => {
      await migrated(db, up)
      await assert.doesNotReject(db.query(oldRead))
    }),
  )

  executes<typeof BatchedBackfill>('batched-backfill', ({ backfill }) =>
    arena(
      `CREATE TABLE users (id int PRIMARY KEY, name text, full_name text);
       INSERT INTO users SELECT n, CASE n WHEN 7 THEN NULL ELSE 'Ada' END FROM generate_series(1, 2500) AS n`,
      async ({ db, value }) => {
        const watched = recording(db)
        await backfill(watched.db)
        assert.equal(await value('SELECT count(*) FROM users WHERE full_name IS NULL'), '1')
        assert.ok(watched.statements.every(({ rowCount }) => rowCount <= 1_000))
      },
    ),
  )

  executes<typeof TypeChange>('type-change-rewrite', ({ before: schema, up }) =>
    arena(schema, async ({ db, value }) => {
      const file = "SELECT pg_relation_filenode('orders')"
      const first = await value(file)
      await migrated(db, up)
      assert.equal(await value(file), first, 'The table was written anew.')
      await db.query('INSERT INTO orders VALUES (1, 5)')
    }),
  )

  executes<typeof IndexConcurrently>('index-not-concurrently', ({ up }) =>
    arena(ORDERS, async ({ db }) => {
      const writer = await db.connect()
      await writer.query('BEGIN; INSERT INTO orders (id) VALUES (3000)')
      const build = migrated(db, up)
      await endedOrBlocked(db, build, '^CREATE INDEX')
      const other = await db.connect()
      await other.query("SET lock_timeout = '100ms'")
      const write = other.query('INSERT INTO orders (id) VALUES (3001)')
      const passes = await write.then(
        () => true,
        () => false,
      )
      await writer.query('COMMIT')
      await build
      assert.ok(passes, 'A write had to wait for the index.')
    }),
  )

  executes<typeof NotNull>('not-null-rewrite', ({ up }) =>
    arena(ORDERS, async ({ db }) => {
      const scans: string[] = []
      let statement = ''
      const watched = around(db, (text, run) => {
        statement = text
        return run()
      })
      await migrated(watched, async (client) => {
        client.on('notice', ({ message = '' }) => {
          if (/SET NOT NULL/.test(statement) && /^verifying table/.test(message))
            scans.push(message)
        })
        await client.query('SET client_min_messages = debug1')
        await up(client)
      })
      assert.deepEqual(scans, [], 'The table was read under an ACCESS EXCLUSIVE lock.')
    }),
  )
})
