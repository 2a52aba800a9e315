/**
 * The shop behind PgBouncer in transaction mode, eight clients over two server connections: it works
 * as without, and nothing of one client reaches another.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { type Tenant, tenants } from '../../example/shop/shared/roles.ts'
import {
  type AskOptions,
  type Caller,
  type TestShop,
  testShop,
} from '../../example/shop/test-shop.ts'
import { main } from '../../src/cli/main.ts'
import { type PgBouncer, pgBouncer, startPgBouncer } from '../../src/testing/pgbouncer.ts'
import { testDatabase } from '../../src/testing/test-database.ts'

const skip = pgBouncer === undefined && 'PgBouncer is not installed: apt-get install pgbouncer'
const CLIENTS = 8
const ORDERS_EACH = 5

suite('behind PgBouncer', { skip }, () => {
  let bouncer: PgBouncer
  let shop: TestShop
  const merchants = new Map<Tenant, Caller>()
  const customers = new Map<Tenant, Caller>()

  before(async () => {
    const through: Parameters<typeof testShop>[0] = {
      through: async (database) => {
        bouncer = await startPgBouncer(database)
        return bouncer.url
      },
    }
    shop = await testShop(through)
    for (const tenant of tenants) {
      merchants.set(tenant, await shop.caller(tenant, 'merchant'))
      customers.set(tenant, await shop.caller(tenant, 'customer'))
      const product = { sku: `HOT-${tenant.toUpperCase()}`, name: `Hot at ${tenant}` }
      const body = { ...product, price_minor: 100, currency: 'EUR', stock: 1_000 }
      await merchants.get(tenant)?.ask('POST /v1/products', { body })
    }
  })

  after(async () => {
    await shop[Symbol.asyncDispose]()
    await bouncer.close()
  })

  const order = (tenant: Tenant, idempotencyKey: string, options: AskOptions = {}) => {
    const body = { lines: [{ sku: `HOT-${tenant.toUpperCase()}`, quantity: 1 }] }
    const customer = customers.get(tenant) as Caller
    return customer.ask('POST /v1/orders', { ...options, body, idempotencyKey })
  }

  test('statements have no names, and still travel together', async () => {
    const { pool } = shop.running.runtime
    const { pooled, namedStatements, pipelining } = await pool.capabilities()
    assert.deepEqual([pooled, namedStatements, pipelining], [true, false, true])
    const before = pool.metrics()
    assert.equal((await order('acme', randomUUID())).status, 201)
    const { roundTrips, statements } = pool.metrics()
    assert.ok(statements - before.statements > 2 * (roundTrips - before.roundTrips))
  })

  test('each client gets what is its own, and leaves nothing for the next', async () => {
    const leftovers = new Set<string>()
    const watching = watch(bouncer.url, (found) => leftovers.add(found))
    await Promise.all(
      Array.from({ length: CLIENTS }, async (_, client) => {
        const tenant = tenants[client % 2] as Tenant
        for (let turn = 0; turn < ORDERS_EACH; turn++) {
          const key = randomUUID()
          const made = await order(tenant, key)
          assert.equal(made.status, 201, JSON.stringify(made.body))
          assert.match(JSON.stringify(made.body), new RegExp(`Hot at ${tenant}`))
          assert.deepEqual((await order(tenant, key)).body, made.body)
          const who = customers.get(tenant) as Caller
          const read = await who.ask(`GET /v1/orders/${made.body.id}`)
          assert.deepEqual(read.body, made.body)
          const other = tenant === 'acme' ? 'globex' : 'acme'
          const stranger = customers.get(other) as Caller
          assert.equal((await stranger.ask(`GET /v1/orders/${made.body.id}`)).status, 404)
        }
      }),
    )
    await watching.stop()
    assert.ok(watching.looks > 20, `${watching.looks} looks`)
    assert.deepEqual([...leftovers], [UNTOUCHED])
    for (const tenant of tenants) {
      const sold = (CLIENTS / 2) * ORDERS_EACH + (tenant === 'acme' ? 1 : 0)
      const [row] = await shop.rows(tenant, `SELECT stock FROM products WHERE sku LIKE 'HOT-%'`)
      assert.deepEqual(row, { stock: 1_000 - sold })
    }
  })

  test('events and jobs come to their end', async () => {
    const merchant = merchants.get('globex') as Caller
    const body = { lines: [{ sku: 'HOT-GLOBEX', quantity: 1 }], email: 'grace@example.org' }
    const made = await (customers.get('globex') as Caller).ask('POST /v1/orders', { body })
    const mail = await shop.mails.until(({ to }) => to === 'grace@example.org')
    assert.equal(mail.subject, `Your order ${made.body.id}`)
    await shop.deliverEvents()
    const { body: sales } = await merchant.ask<{ data: { sku: string; units: number }[] }>(
      'GET /v1/reports/product-sales',
    )
    const counted = sales.data.find(({ sku }) => sku === 'HOT-GLOBEX')
    assert.equal(counted?.units, (CLIENTS / 2) * ORDERS_EACH + 1)
  })

  test('who leaves, or has no more time, has the statement ended and the connection freed', async () => {
    const blocker = new pg.Client({ connectionString: shop.database.adminUrl })
    await blocker.connect()
    await blocker.query('BEGIN')
    await blocker.query(`SELECT FROM products WHERE sku = 'HOT-ACME' FOR UPDATE`)
    const late = await order('acme', randomUUID(), { headers: { 'request-timeout': '0.3' } })
    assert.equal(late.status, 504)

    const leaving = new AbortController()
    const { signal } = leaving
    const left = order('acme', randomUUID(), { signal }).catch((error) => error.name)
    await waiting(blocker, 1)
    leaving.abort()
    assert.equal(await left, 'AbortError')
    await waiting(blocker, 0)
    // Both server connections are there for others, while the row is still held.
    const others = Array.from({ length: 6 }, () => order('globex', randomUUID()))
    for (const { status } of await Promise.all(others)) assert.equal(status, 201)
    await blocker.end()
    assert.equal((await order('acme', randomUUID())).status, 201)
  })
})

test('migrations go past the pooler, by DATABASE_DIRECT_URL', async () => {
  await using database = await testDatabase()
  const lines: string[] = []
  const write = (line: string) => void lines.push(line)
  const terminal = {
    cwd: fileURLToPath(new URL('../../example/shop/', import.meta.url)),
    env: {
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/pooler',
      DATABASE_DIRECT_URL: database.url,
    },
    out: write,
    err: write,
  }
  assert.equal(await main(['migrate', 'up'], terminal), 0, lines.join('\n'))
  assert.equal(await main(['migrate', 'status'], terminal), 0, lines.join('\n'))
})

/** What a client finds that has set nothing. */
const UNTOUCHED = 'role=none tenant= actor= statement=0 lock=0 idle=0 read-only=off names=0 locks=0'

/** A ninth client, which sets nothing and looks at what the others have left on its connection. */
function watch(url: string, found: (what: string) => void) {
  const client = new pg.Client({ connectionString: url })
  const watching = { looks: 0, stop: async () => {} }
  let stopped = false
  const looking = (async () => {
    await client.connect()
    while (!stopped) {
      const { rows } = await client.query(LOOK)
      found(rows[0].found)
      watching.looks++
    }
    await client.end()
  })()
  watching.stop = () => {
    stopped = true
    return looking
  }
  return watching
}

const LOOK = `SELECT format('role=%s tenant=%s actor=%s statement=%s lock=%s idle=%s read-only=%s names=%s locks=%s',
  current_setting('role'), current_setting('holdfast.tenant', true), current_setting('holdfast.actor', true),
  current_setting('statement_timeout'), current_setting('lock_timeout'),
  current_setting('idle_in_transaction_session_timeout'), current_setting('transaction_read_only'),
  (SELECT count(*) FROM pg_prepared_statements WHERE name <> ''),
  (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory')) AS found`

/** Resolves when so many statements wait for a lock in this database. */
async function waiting(client: pg.Client, count: number): Promise<void> {
  for (;;) {
    const { rows } = await client.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
    if (rows[0].n === count) return
  }
}
