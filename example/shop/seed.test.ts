import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { migrationSources } from '../../src/app/sources.ts'
import { migrate } from '../../src/database/migrate/migrate.ts'
import { buildRegistry } from '../../src/operation/registry.ts'
import { testDatabase } from '../../src/testing/test-database.ts'
import { app } from './app.ts'
import { seed } from './seed.ts'

const sources = migrationSources(buildRegistry(app))
const size = { products: 200, orders: 500, customers: 20 }
const sizes = { acme: size, globex: size }

/** Everything but what belongs to the keys, which are drawn at random. */
const CONTENT = `SELECT tenant_id, md5(string_agg(row, ',' ORDER BY row COLLATE "C")) AS digest FROM (
    SELECT tenant_id, (id, sku, name, price_minor, currency, stock, active, created_at)::text AS row
      FROM products
    UNION ALL SELECT tenant_id, (id, status, currency, total_minor, placed_at, cancelled_at)::text
      FROM orders
    UNION ALL SELECT tenant_id, (order_id, line_no, product_id, unit_price_minor, quantity)::text
      FROM order_lines
    UNION ALL SELECT tenant_id, (product_id, orders_count, units, revenue_minor)::text
      FROM product_sales
    UNION ALL SELECT tenant_id, (order_id, score, reasons, status, assessed_at, decided_at)::text
      FROM fraud_assessments
    UNION ALL SELECT tenant_id, (id, kind, value)::text FROM fraud_blocklist
    UNION ALL SELECT tenant_id, (id, order_id, status, tracking_code)::text FROM shipments
    UNION ALL SELECT tenant_id, (shipment_id, no, status, moved_at)::text FROM shipment_moves
  ) AS everything GROUP BY tenant_id ORDER BY tenant_id`

async function asAdmin<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`SET timezone = 'UTC'`)
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}

test('the seed is the same on every machine, adds up, and is loaded once', async () => {
  await using database = await testDatabase()
  await migrate({ url: database.url, sources })
  const [first, second] = await Promise.all([
    seed({ url: database.url, sizes }),
    seed({ url: database.url, sizes }),
  ])
  assert.deepEqual([...first.loaded, ...second.loaded].toSorted(), ['acme', 'globex'])
  const content = await asAdmin<{ tenant_id: string; digest: string }>(database.adminUrl, CONTENT)
  assert.deepEqual(content, [
    { tenant_id: 'acme', digest: '3e2edb80a63948ee30fb22d88ed9e282' },
    { tenant_id: 'globex', digest: 'a73fbf27079df3814f0c6d38cdbc866e' },
  ])
  const wrong = await asAdmin(
    database.adminUrl,
    `SELECT id FROM orders AS o WHERE total_minor IS DISTINCT FROM (
       SELECT sum(unit_price_minor * quantity) FROM order_lines AS line
       JOIN products AS p ON (p.tenant_id, p.id, p.currency) = (o.tenant_id, product_id, o.currency)
       WHERE (line.tenant_id, order_id) = (o.tenant_id, o.id))`,
  )
  assert.deepEqual(wrong, [])
})

test('keys that were written down stay; a lost one is replaced for the same principal', async () => {
  await using database = await testDatabase()
  await migrate({ url: database.url, sources })
  const principals = () =>
    asAdmin<{ principal: string }>(
      database.adminUrl,
      'SELECT DISTINCT principal FROM holdfast.api_keys ORDER BY principal',
    )
  const first = await seed({ url: database.url, sizes })
  assert.equal(first.keys.length, 6)
  const made = await principals()
  const writtenDown = first.keys.slice(1)
  const second = await seed({ url: database.url, sizes, writtenDown })
  assert.deepEqual(second.keys.slice(1), writtenDown)
  assert.notEqual(second.keys[0]?.key, first.keys[0]?.key)
  assert.deepEqual(await principals(), made)
})
