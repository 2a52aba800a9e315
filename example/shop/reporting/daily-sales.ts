import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import { csvLine } from './csv.ts'
import { BuildDailySales, GetDailySales, WriteDailySales } from './daily-sales-contract.ts'

const DAY_MS = 24 * 3_600_000
/** Clocks of processes differ a little, and orders placed at midnight commit a little later. */
const AFTER_MIDNIGHT_MS = 5 * 60_000
/** Products and currencies of one day; a file of some megabytes. */
const ROWS_MAX = 50_000
const FILE_BYTES_MAX = 16 * 1024 * 1024

export const buildDailySales = shop.handle(BuildDailySales, {
  allow: may('reports:write'),
  limit: { rate: '60/h', per: 'tenant' },
  run({ input, tx, scope, fail }) {
    if (scope.clock.now() < endOf(input.date)) throw fail.dayNotOver()
    tx.enqueue(WriteDailySales, input)
    return { date: input.date }
  },
})

export const getDailySales = shop.handle(GetDailySales, {
  allow: may('reports:read'),
  replyBytesMax: FILE_BYTES_MAX,
  async run({ input, tx, fail }) {
    const report = await tx.db
      .selectFrom('daily_sales_reports')
      .select('csv')
      .where('day', '=', input.date)
      .executeTakeFirst()
    if (report === undefined) throw fail.reportNotFound()
    return report.csv
  },
})

/** Days that were missed while nothing ran follow at once, one after the other. */
export const writeDailySales = shop.handle(WriteDailySales, {
  // Both statements read one snapshot: products and money of the same moment.
  isolation: 'repeatable read',
  async run({ payload: { date, daily }, tx }) {
    const [products, totals] = await Promise.all([
      tx.query(productSales(date)),
      tx.query(currencyTotals(date)),
    ])
    const lines = [
      csvLine(COLUMNS),
      ...products.map((row) =>
        csvLine(['product', row.sku, row.name, ...countsOf(row), null, null]),
      ),
      ...totals.map((row) =>
        csvLine(['total', null, null, ...countsOf(row), row.charged_minor, row.refunded_minor]),
      ),
    ]
    tx.defer(storeReport(date, lines.join('')), { rows: 1 })
    if (!daily) return
    const next = dayAfter(date)
    const runAt = new Date(endOf(next) + AFTER_MIDNIGHT_MS).toISOString()
    tx.enqueue(WriteDailySales, { date: next, daily }, { runAt })
  },
})

const COLUMNS = [
  'row',
  'sku',
  'name',
  'currency',
  'orders',
  'units',
  'revenue_minor',
  'charged_minor',
  'refunded_minor',
]

interface Counts {
  readonly currency: string
  readonly orders: number
  readonly units: number
  readonly revenue_minor: number
}

function countsOf({ currency, orders, units, revenue_minor }: Counts) {
  return [currency, orders, units, revenue_minor] as const
}

/** Midnight in UTC at the end of a day. */
function endOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) + DAY_MS
}

function dayAfter(date: string): string {
  return new Date(endOf(date)).toISOString().slice(0, 10)
}

interface ProductSales extends Counts {
  readonly sku: string
  readonly name: string
}

function productSales(date: string): Sql<ProductSales> {
  return sql<ProductSales>`
    SELECT line.sku, min(line.name) AS name, sold.currency, count(DISTINCT sold.id) AS orders,
      sum(line.quantity) AS units, sum(line.line_total_minor)::bigint AS revenue_minor
    FROM orders AS sold JOIN order_lines AS line ON line.order_id = sold.id
    WHERE sold.placed_at >= ${date}::date::timestamptz
      AND sold.placed_at < (${date}::date + 1)::timestamptz AND sold.status <> 'cancelled'
    GROUP BY line.sku, sold.currency ORDER BY line.sku, sold.currency`.bounded(ROWS_MAX)
}

interface Totals extends Counts {
  readonly charged_minor: number
  readonly refunded_minor: number
}

function currencyTotals(date: string): Sql<Totals> {
  return sql<Totals>`
    WITH sold AS (
      SELECT one.currency, count(*) AS orders, sum(one.total_minor)::bigint AS revenue_minor,
        sum((SELECT sum(quantity) FROM order_lines AS line WHERE line.order_id = one.id))::bigint
          AS units
      FROM orders AS one
      WHERE one.placed_at >= ${date}::date::timestamptz
        AND one.placed_at < (${date}::date + 1)::timestamptz AND one.status <> 'cancelled'
      GROUP BY one.currency
    ), money AS (
      SELECT currency,
        coalesce(sum(amount_minor) FILTER (WHERE kind = 'charge'), 0)::bigint AS charged_minor,
        coalesce(-sum(amount_minor) FILTER (WHERE kind = 'refund'), 0)::bigint AS refunded_minor
      FROM payment_ledger
      WHERE booked_at >= ${date}::date::timestamptz
        AND booked_at < (${date}::date + 1)::timestamptz
      GROUP BY currency
    )
    SELECT currency, coalesce(orders, 0) AS orders, coalesce(units, 0) AS units,
      coalesce(revenue_minor, 0) AS revenue_minor, coalesce(charged_minor, 0) AS charged_minor,
      coalesce(refunded_minor, 0) AS refunded_minor
    FROM sold FULL JOIN money USING (currency) ORDER BY currency`.bounded(ROWS_MAX)
}

function storeReport(date: string, csv: string): Sql {
  return sql`
    INSERT INTO daily_sales_reports (day, csv) VALUES (${date}, ${csv})
    ON CONFLICT (tenant_id, day) DO UPDATE SET csv = excluded.csv, built_at = now()`
}
