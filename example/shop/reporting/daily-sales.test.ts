/** The file of a day says what orders and ledger say. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { parse } from 'csv-parse/sync'
import { until } from '../../../test/until.ts'
import { type Caller, type TestShop, testShop } from '../test-shop.ts'

let shop: TestShop
let merchant: Caller
before(async () => {
  shop = await testShop()
  merchant = await shop.caller('acme', 'merchant')
})
after(() => shop[Symbol.asyncDispose]())

type Line = Readonly<Record<string, string>>

const build = (date: string, body: object = {}) =>
  merchant.ask<{ code: string }>(`POST /v1/reports/daily-sales/${date}`, { body })

async function reportOf(date: string): Promise<readonly Line[]> {
  const sent = await build(date)
  assert.equal(sent.status, 202)
  const path = sent.headers.get('location')
  assert.equal(path, `/v1/reports/daily-sales/${date}`)
  await until('the report is there', async () => (await merchant.ask(`GET ${path}`)).status === 200)
  await shop.finishJobs()
  const { headers, body } = await merchant.ask<string>(`GET ${path}`)
  assert.equal(headers.get('content-type'), 'text/csv; charset=utf-8')
  return parse(body, { columns: true }) as Line[]
}

/** The seed has some orders on every second day. */
async function daysWithOrders(): Promise<readonly string[]> {
  const rows = await shop.rows<{ day: string }>(
    'acme',
    `SELECT DISTINCT to_char(placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day FROM orders ORDER BY 1`,
  )
  return rows.map(({ day }) => day)
}

interface SoldLine {
  readonly id: string
  readonly sku: string
  readonly currency: string
  readonly quantity: number
  readonly line_total_minor: string
  readonly status: string
}

const soldOn = (day: string) =>
  shop.rows<SoldLine>(
    'acme',
    `SELECT o.id, l.sku, o.currency, l.quantity, l.line_total_minor, o.status
     FROM orders o JOIN order_lines l ON l.order_id = o.id
     WHERE to_char(o.placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') = $1`,
    [day],
  )

function expectedProducts(sold: readonly SoldLine[]): readonly Line[] {
  const kept = sold.filter(({ status }) => status !== 'cancelled')
  const skus = [...new Set(kept.map(({ sku }) => sku))].toSorted()
  return skus.map((sku) => {
    const own = kept.filter((line) => line.sku === sku)
    return {
      sku,
      orders: String(new Set(own.map(({ id }) => id)).size),
      units: String(own.reduce((sum, { quantity }) => sum + quantity, 0)),
      revenue_minor: String(own.reduce((sum, line) => sum + Number(line.line_total_minor), 0)),
    }
  })
}

test('a day says what its orders say, cancelled ones left out', async () => {
  const days = (await daysWithOrders()).slice(0, 8)
  assert.equal(days.length, 8)
  for (const day of days) {
    const lines = await reportOf(day)
    const products = lines.filter(({ row }) => row === 'product')
    const told = products.map(({ sku, orders, units, revenue_minor }) => ({
      sku,
      orders,
      units,
      revenue_minor,
    }))
    assert.deepEqual(told, expectedProducts(await soldOn(day)), day)
    const sum = (name: string) => products.reduce((total, line) => total + Number(line[name]), 0)
    const [total] = lines.filter(({ row }) => row === 'total')
    if (total === undefined) continue
    assert.deepEqual(
      [Number(total.units), Number(total.revenue_minor)],
      [sum('units'), sum('revenue_minor')],
    )
  }
})

test('the money of a day is that of the ledger', async () => {
  const [, , , day = ''] = await daysWithOrders()
  const book = async (kind: 'charge' | 'refund', amount: number, at: string) => {
    const payment = randomUUID()
    await shop.rows(
      'acme',
      `INSERT INTO payments (id, order_id, customer_id, source, amount_minor, currency, status,
         provider_id, provider_version)
       VALUES ($1, $1, 'c', 's', $2, 'EUR', 'captured', 'p', 1)`,
      [payment, Math.abs(amount)],
    )
    await shop.rows(
      'acme',
      `INSERT INTO payment_ledger (payment_id, kind, amount_minor, currency, booked_at)
       VALUES ($1, $2, $3, 'EUR', $4)`,
      [payment, kind, amount, at],
    )
  }
  await book('charge', 5_000, `${day}T00:00:00Z`)
  await book('charge', 2_500, `${day}T23:59:59.999999Z`)
  await book('refund', -1_000, `${day}T12:00:00Z`)
  await book('charge', 9_999, `${day}T12:00:00Z`.replace(/^\d{4}/, '2020'))
  const lines = await reportOf(day)
  const total = lines.find(({ row, currency }) => row === 'total' && currency === 'EUR')
  assert.deepEqual([total?.charged_minor, total?.refunded_minor], ['7500', '1000'])
})

test('a name that a spreadsheet would run is text', async () => {
  const [, , , , day = ''] = await daysWithOrders()
  await shop.rows(
    'acme',
    `UPDATE order_lines SET name = '=HYPERLINK("http://evil")' WHERE order_id IN (
       SELECT id FROM orders WHERE to_char(placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') = $1)`,
    [day],
  )
  const products = (await reportOf(day)).filter(({ row }) => row === 'product')
  assert.ok(products.length > 0)
  for (const { name } of products) assert.equal(name, `'=HYPERLINK("http://evil")`)
})

test('a day that is not over, or not a day, is refused; one that nobody asked for is not found', async () => {
  const today = new Date(shop.running.runtime.clock.now()).toISOString().slice(0, 10)
  const refused = await build(today)
  assert.deepEqual([refused.status, refused.body.code], [409, 'day-not-over'])
  assert.equal((await build('2026-02-30')).status, 422)
  assert.equal((await merchant.ask('GET /v1/reports/daily-sales/2001-01-01')).status, 404)
  const customer = await shop.caller('acme', 'customer')
  assert.equal((await customer.ask('GET /v1/reports/daily-sales/2001-01-01')).status, 403)
})

test('asked for daily, the days follow by themselves, each once', async () => {
  const asked = await Promise.all([1, 2, 3].map(() => build('2026-11-01', { daily: true })))
  assert.ok(asked.every(({ status }) => status === 202))
  const waiting = () =>
    shop.rows<{ unique_key: string; run_at: Date }>(
      'acme',
      `SELECT unique_key, run_at FROM holdfast.jobs WHERE name = 'reporting.write-daily-sales'`,
      [],
      'holdfast_loops',
    )
  const now = shop.running.runtime.clock.now()
  await until('it waits for a day that is not over', async () => {
    const rows = await waiting()
    return rows.length === 1 && (rows[0]?.run_at.getTime() ?? 0) > now
  })
  const [next] = await waiting()
  const today = new Date(now).toISOString().slice(0, 10)
  assert.equal(next?.unique_key, today)
  const built = await shop.rows<{ days: number }>(
    'acme',
    `SELECT count(*)::integer AS days FROM daily_sales_reports WHERE day >= '2026-11-01'`,
  )
  const days = (Date.parse(today) - Date.parse('2026-11-01')) / 86_400_000
  assert.equal(built[0]?.days, days)
})
