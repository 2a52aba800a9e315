/**
 * A migration changes the tables that are in use: columns come, types change, indexes come and go.
 * Prepared statements no longer fit, plans and locks are in the way; no request fails for it.
 *
 * Each change is held open until the app waits for its locks, and then committed: whatever they had
 * opened by then must still come out right.
 *
 * To snapshots that are older than a rewrite the table is empty (Postgres manual, 13.6): what was
 * read with one of them must not become anybody's answer.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { app } from '../../example/shop/app.ts'
import { paymentProvider } from '../../example/shop/payments/payment-provider-client.ts'
import { roles } from '../../example/shop/shared/roles.ts'
import { migrationSources } from '../../src/app/sources.ts'
import { type RunningApp, startApp } from '../../src/app/start-app.ts'
import { migrate } from '../../src/database/migrate/migrate.ts'
import { buildRegistry } from '../../src/operation/registry.ts'
import { loadConfig } from '../../src/runtime/config.ts'
import { AppDatabase } from '../app-database.ts'
import { ask, json } from '../ask.ts'
import { addProducts } from '../shop-products.ts'
import { type Sender, Traffic, unless } from '../traffic.ts'
import { until } from '../until.ts'

const PRODUCTS = 10
const STOCK = 1_000_000
/** Nobody orders it: orders and edits of one row would turn each other away. */
const EDITED = 'DDL-EDITED'

let database: AppDatabase
let running: RunningApp
let client: pg.Client
let send: Senders

before(async () => {
  database = await AppDatabase.make(app)
  const products = Array.from({ length: PRODUCTS }, (_, n) => ({ sku: `DDL-${n}`, stock: STOCK }))
  await addProducts(database, 'acme', [...products, { sku: EDITED, stock: 0 }])
  running = await startApp(app, {
    config: loadConfig(database.env),
    roles,
    services: {
      mailer: { send: async () => {}, close: () => {} },
      payments: paymentProvider({ url: 'http://127.0.0.1:9', accounts: [] }),
    },
  })
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  send = await makeSenders()
})
after(async () => {
  await client.end()
  await running.stop()
  await database.drop()
})

interface Senders {
  readonly placeOrder: Sender
  readonly getOrder: Sender
  readonly listOrders: Sender
  readonly listProducts: Sender
  readonly getStock: Sender
  readonly changeProduct: Sender
}

async function makeSenders(): Promise<Senders> {
  const api = running.apiUrl as string
  const customer = await database.addKey('acme', 'customer')
  const merchant = await database.addKey('acme', 'merchant')
  const found = 'SELECT id FROM products WHERE sku = $1'
  const { id } = await database.row<{ id: string }>(found, [EDITED])
  const productId = `prd_${id.replaceAll('-', '')}`
  let orders = 0
  let orderId = ''
  const placeOrder = async () => {
    const number = orders++
    const lines = [0, 1].map((n) => ({ sku: `DDL-${(number + n) % PRODUCTS}`, quantity: 1 }))
    const idempotencyKey = `ddl-${number}`
    const asked = { apiKey: customer, idempotencyKey, body: { lines } }
    const reply = await ask(api, 'POST /v1/orders', asked)
    if (reply.status === 201) orderId = json<{ id: string }>(reply).id
    return unless(201, 'place order', reply)
  }
  await placeOrder()
  return {
    placeOrder,
    async getOrder() {
      const reply = await ask(api, `GET /v1/orders/${orderId}`, { apiKey: customer })
      const wrong = unless(200, 'get order', reply)
      if (wrong !== undefined) return wrong
      const { lines } = json<{ lines: unknown[] }>(reply)
      return lines.length === 2 ? undefined : `get order: ${reply.text}`
    },
    async listOrders() {
      const reply = await ask(api, 'GET /v1/orders?limit=5', { apiKey: customer })
      const wrong = unless(200, 'list orders', reply)
      if (wrong !== undefined) return wrong
      return json<{ data: unknown[] }>(reply).data.length > 0 ? undefined : 'list orders: empty'
    },
    async listProducts() {
      const reply = await ask(api, 'GET /v1/products?limit=20', { apiKey: customer })
      const wrong = unless(200, 'list products', reply)
      if (wrong !== undefined) return wrong
      const { data } = json<{ data: unknown[] }>(reply)
      return data.length === PRODUCTS + 1 ? undefined : `list products: ${data.length}`
    },
    async getStock() {
      const reply = await ask(api, `GET /v1/products/${productId}/stock`, { apiKey: customer })
      return unless(200, 'get stock', reply)
    },
    async changeProduct() {
      const reply = await ask(api, `PATCH /v1/products/${productId}`, {
        apiKey: merchant,
        idempotencyKey: `change-${orders++}`,
        headers: { 'if-match': '*' },
        body: { description: `after ${orders} orders` },
      })
      return unless(200, 'change product', reply)
    },
  }
}

/** As `holdfast migrate` does at the end of each file. */
const TELL_SNAPSHOTS = `SELECT setval('holdfast.schema_change', pg_current_xact_id()::text::bigint)`

const CHANGE_RUNS_MAX = 20

/** One transaction; a deadlock with a request may end this side of it, and a migration runs again. */
async function change(statements: readonly string[]): Promise<void> {
  for (let run = 1; ; run++) {
    try {
      await client.query('BEGIN')
      for (const statement of statements) await client.query(statement)
      await until('the app waits', async () => (await database.blocked()) > 0)
      await client.query(TELL_SNAPSHOTS)
      await client.query('COMMIT')
      return
    } catch (error) {
      await client.query('ROLLBACK')
      const deadlock = (error as { code?: string }).code === '40P01'
      if (!deadlock || run === CHANGE_RUNS_MAX) throw error
    }
  }
}

const REQUESTS_BETWEEN = 60

/** Ends with the test, however that ends. */
function startTraffic(t: TestContext, senders: readonly Sender[]): Traffic {
  const traffic = new Traffic(senders)
  t.after(() => traffic.stop())
  traffic.start()
  return traffic
}

async function changeInTraffic(
  t: TestContext,
  senders: readonly Sender[],
  changes: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  const traffic = startTraffic(t, senders)
  await traffic.goOn(REQUESTS_BETWEEN)
  for (const [title, statements] of Object.entries(changes)) {
    await change(statements)
    await traffic.goOn(REQUESTS_BETWEEN)
    assert.deepEqual(traffic.failures, [], title)
  }
  await traffic.stop()
  assert.deepEqual(traffic.failures, [])
  t.diagnostic(`${traffic.answered} requests, ${running.runtime.pool.metrics().retries} retries`)
}

test('columns, types and indexes change: no request fails', async (t) => {
  const { placeOrder, getOrder, listOrders, listProducts, getStock, changeProduct } = send
  const senders = [placeOrder, placeOrder, getOrder, listOrders, getStock, changeProduct]
  await changeInTraffic(t, [...senders, listProducts], {
    'new columns': [
      'ALTER TABLE products ADD COLUMN weight_g integer',
      `ALTER TABLE orders ADD COLUMN channel text NOT NULL DEFAULT 'web'`,
      'ALTER TABLE order_lines ADD COLUMN note text',
    ],
    'types, without a rewrite': [
      'ALTER TABLE products ALTER COLUMN description TYPE varchar',
      'ALTER TABLE order_lines ALTER COLUMN name TYPE varchar',
    ],
    'types, locked in another order than requests do': [
      'ALTER TABLE order_lines ALTER COLUMN name TYPE text',
      'ALTER TABLE orders ALTER COLUMN email TYPE varchar',
    ],
    indexes: [
      'CREATE INDEX orders_channel_idx ON orders (tenant_id, channel)',
      'DROP INDEX orders_status_idx',
    ],
    'columns that are dropped': [
      'ALTER TABLE products DROP COLUMN weight_g',
      'ALTER TABLE orders DROP COLUMN channel',
    ],
    'a new column of the keys': ['ALTER TABLE holdfast.idempotency_keys ADD COLUMN later text'],
    'a new column of the audit': ['ALTER TABLE holdfast.audit_entries ADD COLUMN later text'],
    'a new column of the events': ['ALTER TABLE holdfast.events ADD COLUMN later text'],
    'a new column of the jobs': ['ALTER TABLE holdfast.jobs ADD COLUMN later text'],
    'and of those that run': ['ALTER TABLE holdfast.running_jobs ADD COLUMN later text'],
  })
})

test('types change with a rewrite of the table: no request fails', async (t) => {
  const { placeOrder, getOrder, listOrders, listProducts, getStock, changeProduct } = send
  const senders = [placeOrder, placeOrder, getOrder, getOrder, changeProduct]
  await changeInTraffic(t, [...senders, listOrders, listProducts, getStock], {
    'int to bigint': [
      'ALTER TABLE products ALTER COLUMN stock TYPE bigint',
      'ALTER TABLE products ALTER COLUMN version TYPE bigint',
    ],
    'products again': ['ALTER TABLE products ALTER COLUMN stock TYPE bigint USING stock + 0'],
    'and again': ['ALTER TABLE products ALTER COLUMN stock TYPE bigint USING stock + 0'],
    orders: ['ALTER TABLE orders ALTER COLUMN total_minor TYPE bigint USING total_minor + 0'],
    'orders again': [
      'ALTER TABLE orders ALTER COLUMN total_minor TYPE bigint USING total_minor + 0',
    ],
    'bigint to numeric and back': [
      'ALTER TABLE orders ALTER COLUMN total_minor TYPE numeric(20, 0)',
      'ALTER TABLE orders ALTER COLUMN total_minor TYPE bigint',
    ],
    'a column with a default of its own for each row': [
      'ALTER TABLE orders ADD COLUMN ticket uuid NOT NULL DEFAULT gen_random_uuid()',
    ],
  })
})

test('holdfast migrates while requests run', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'shop-migrations-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, '0001_gift.sql'), 'ALTER TABLE orders ADD COLUMN gift boolean;\n')
  const { placeOrder, getOrder, listOrders, changeProduct } = send
  const traffic = startTraffic(t, [placeOrder, placeOrder, getOrder, listOrders, changeProduct])
  await traffic.goOn(REQUESTS_BETWEEN)
  const later = { name: 'later', directory: pathToFileURL(`${folder}/`) }
  const sources = [...migrationSources(buildRegistry(app)), later]
  const { applied } = await migrate({ url: database.url, sources })
  await traffic.goOn(REQUESTS_BETWEEN)
  await traffic.stop()
  assert.equal(applied.length, 1)
  assert.deepEqual(traffic.failures, [])
})
