/**
 * A shop that is killed again and again while it takes in a file: it goes on where it was, each good
 * row is written once, each bad one stands in the report once.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { app } from '../../example/shop/app.ts'
import { seed } from '../../example/shop/seed.ts'
import { migrationSources } from '../../src/app/sources.ts'
import { migrate } from '../../src/database/migrate/migrate.ts'
import { buildRegistry } from '../../src/operation/registry.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/test-database.ts'
import { ShopProcess } from '../shop-process.ts'
import { until } from '../until.ts'

const ROWS = 30_000
const KILLS = 3

let database: TestDatabase
let client: pg.Client
let key: string
before(async () => {
  database = await testDatabase()
  await migrate({ url: database.url, sources: migrationSources(buildRegistry(app)) })
  const size = { products: 10, orders: 1, customers: 1 }
  const { keys } = await seed({ url: database.url, sizes: { acme: size, globex: size } })
  key = keys.find(({ tenant, role }) => tenant === 'acme' && role === 'merchant')?.key ?? ''
  client = new pg.Client({ connectionString: database.adminUrl })
  await client.connect()
})
after(async () => {
  await client.end()
  await database.drop()
})

const settings = () => ({
  HOLDFAST_ENV: 'test',
  DATABASE_URL: database.url,
  PORT: '0',
  ADMIN_PORT: '0',
  LOG_LEVEL: 'error',
  SMTP_URL: 'smtp://127.0.0.1:1',
})

function file(): string {
  const rows = Array.from({ length: ROWS }, (_, index) =>
    index % 10 === 3 ? `K-${index},,1,EUR` : `K-${index},Item ${index},${index},EUR`,
  )
  return `sku,name,price_minor,currency\n${rows.join('\n')}\n`
}

interface Progress {
  readonly status: string
  readonly position: number
  readonly rows_created: number
  readonly rows_updated: number
  readonly findings: number
}

async function progress(): Promise<Progress> {
  const { rows } = await client.query<Progress>(
    'SELECT status, position::integer, rows_created, rows_updated, findings FROM product_imports',
  )
  return rows[0] as Progress
}

/** As if the lease of the one that was killed had run out. */
const forget = () =>
  client.query(`UPDATE holdfast.job_workers SET lease_until = clock_timestamp() - interval '1 s'`)

test('each row of a file is written once, whatever is killed in between', async () => {
  let shop = await ShopProcess.start(settings())
  const sent = await fetch(`${shop.api}/v1/products/import`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'text/csv',
      'idempotency-key': randomUUID(),
    },
    body: file(),
  })
  assert.equal(sent.status, 202, await sent.text())
  let kills = 0
  for (let at = 0; kills < KILLS; kills++) {
    await until('the import has moved on', async () => (await progress()).position > at)
    await shop.kill()
    const found = await progress()
    if (found.status !== 'running') break
    at = found.position
    await forget()
    shop = await ShopProcess.start(settings())
  }
  assert.ok(kills > 0, 'it was killed in the middle')
  await until('the import is done', async () => (await progress()).status !== 'running')
  const { status, rows_created, rows_updated, findings } = await progress()
  assert.deepEqual(
    { status, rows_created, rows_updated, findings },
    { status: 'done', rows_created: ROWS * 0.9, rows_updated: 0, findings: ROWS * 0.1 },
  )
  const { rows } = await client.query(
    `SELECT count(*)::integer AS products, count(DISTINCT import_line)::integer AS lines,
       min(version) AS least, max(version) AS most FROM products WHERE import_id IS NOT NULL`,
  )
  const written = ROWS * 0.9
  assert.deepEqual(rows[0], { products: written, lines: written, least: 1, most: 1 })
  await shop.stop()
})
