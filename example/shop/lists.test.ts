/** What may be asked of many rows, over HTTP: every row once, own rows alone, and no cursor on loan. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { z } from 'zod'
import type { AuditEntry } from './audit/contract.ts'
import type { ListedProduct } from './catalog/contract.ts'
import type { OrderSummary } from './ordering/contract.ts'
import type { ProductSales } from './reporting/contract.ts'
import { allPages, type Caller, type TestShop, testShop } from './test-shop.ts'

type OrderBody = z.output<typeof OrderSummary>
type ProductBody = z.output<typeof ListedProduct>
type Page = { readonly data: readonly { id: string }[]; readonly next_cursor: string | null }

let shop: TestShop
let merchant: Caller
let customer: Caller
let foreigner: Caller
before(async () => {
  shop = await testShop()
  merchant = await shop.caller('acme', 'merchant')
  customer = await shop.caller('acme', 'customer')
  foreigner = await shop.caller('globex', 'merchant')
})
after(() => shop[Symbol.asyncDispose]())

async function place(by: Caller, quantity = 1): Promise<string> {
  const [product] = await shop.rows<{ sku: string }>(
    'acme',
    `SELECT sku FROM products WHERE active AND currency = 'EUR' AND stock >= 50 ORDER BY sku LIMIT 1`,
  )
  const body = { lines: [{ sku: product?.sku, quantity }] }
  const answer = await by.ask<{ id: string }>('POST /v1/orders', { body })
  assert.equal(answer.status, 201)
  return answer.body.id
}

const bare = (id: string) => id.slice(4)
const uuids = (rows: readonly { id: string }[]) => rows.map(({ id }) => id.replaceAll('-', ''))

describe('the list of products', () => {
  test('shows every product once, in each of its orders', async () => {
    for (const [sort, order] of [
      ['-created_at', 'created_at DESC, id DESC'],
      ['created_at', 'created_at, id'],
      ['price_minor', 'price_minor, id'],
      ['-price_minor', 'price_minor DESC, id DESC'],
      ['sku', 'sku, id'],
    ] as const) {
      const listed = await allPages<ProductBody>(merchant, `/v1/products?sort=${sort}&limit=33`)
      const rows = await shop.rows<{ id: string }>(
        'acme',
        `SELECT id FROM products ORDER BY ${order}`,
      )
      assert.deepEqual(
        listed.map(({ id }) => bare(id)),
        uuids(rows),
        sort,
      )
    }
  })

  test('takes filters together', async () => {
    const query = 'price_minor.gte=5000&price_minor.lt=20000&active=true&sku=GLA-&sort=sku&limit=7'
    const listed = await allPages<ProductBody>(customer, `/v1/products?${query}`)
    const rows = await shop.rows<{ sku: string }>(
      'acme',
      `SELECT sku FROM products WHERE price_minor >= 5000 AND price_minor < 20000 AND active
         AND starts_with(sku, 'GLA-') ORDER BY sku`,
    )
    assert.deepEqual(
      listed.map(({ sku }) => sku),
      rows.map(({ sku }) => sku),
    )
    assert.ok(rows.length > 0)
  })

  test('is searched by the beginning of the name, in any case', async () => {
    const listed = await allPages<ProductBody>(customer, '/v1/products/search?q=pLAIN%20&limit=3')
    const rows = await shop.rows<{ name: string }>(
      'acme',
      `SELECT name FROM products WHERE name LIKE 'Plain %' ORDER BY lower(name) COLLATE "C", id`,
    )
    assert.deepEqual(
      listed.map(({ name }) => name),
      rows.map(({ name }) => name),
    )
    assert.ok(rows.length > 3)
    const none = await allPages<ProductBody>(customer, '/v1/products/search?q=%25')
    assert.deepEqual(none, [])
  })
})

describe('the list of orders', () => {
  test('shows those who serve the tenant every order once', async () => {
    const listed = await allPages<OrderBody>(merchant, '/v1/orders?limit=50')
    const rows = await shop.rows<{ id: string }>(
      'acme',
      'SELECT id FROM orders ORDER BY placed_at DESC, id DESC',
    )
    assert.deepEqual(
      listed.map(({ id }) => bare(id)),
      uuids(rows),
    )
    const cancelled = await allPages<OrderBody>(merchant, '/v1/orders?status=cancelled&limit=4')
    assert.deepEqual(
      cancelled.map(({ id }) => id),
      listed.filter(({ status }) => status === 'cancelled').map(({ id }) => id),
    )
    const since = listed.slice(10, 40).map(({ placed_at }) => placed_at)
    const range = `placed_at.lte=${since[0]}&placed_at.gt=${since.at(-1)}`
    const between = await allPages<OrderBody>(merchant, `/v1/orders?${range}&limit=8`)
    assert.deepEqual(between, listed.slice(10, 39))
  })

  test('shows customers their own, whatever they ask for', async () => {
    const other = await shop.caller('acme', 'customer')
    const mine = [await place(customer), await place(customer)]
    const theirs = await place(other)
    const listed = await allPages<OrderBody>(customer, '/v1/orders?limit=1')
    assert.deepEqual(new Set(listed.map(({ id }) => id)), new Set(mine))
    const others = `/v1/orders?customer_id=${other.principal}`
    assert.deepEqual(await allPages(customer, others), [])
    const served = await allPages<OrderBody>(merchant, others)
    assert.deepEqual(
      served.map(({ id }) => id),
      [theirs],
    )
  })

  test('takes no cursor of another tenant, caller, filter or sort', async () => {
    const { body } = await merchant.ask<Page>('GET /v1/orders?limit=2')
    const cursor = encodeURIComponent(body.next_cursor ?? '')
    assert.equal((await merchant.ask(`GET /v1/orders?cursor=${cursor}`)).status, 200)
    for (const [by, query] of [
      [foreigner, ''],
      [merchant, '&status=placed'],
      [merchant, '&sort=placed_at'],
      [merchant, 'x'],
    ] as const) {
      const answer = await by.ask(`GET /v1/orders?limit=2&cursor=${cursor}${query}`)
      assert.equal(answer.status, 422, query)
    }
    const lent = await customer.ask<Page>(`GET /v1/orders?cursor=${cursor}`)
    const own = new Set(
      (await allPages<OrderBody>(customer, '/v1/orders?limit=50')).map(({ id }) => id),
    )
    assert.ok(lent.status === 422 || lent.body.data.every(({ id }) => own.has(id)))
  })

  test('refuses what it does not declare', async () => {
    for (const query of [
      'offset=1',
      'limit=0',
      'limit=101',
      'sort=email',
      'status=lost',
      'tenant_id=globex',
    ]) {
      assert.equal((await merchant.ask(`GET /v1/orders?${query}`)).status, 422, query)
    }
  })
})

describe('the audit list', () => {
  test('shows what was done, with what was called inside, in this tenant alone', async () => {
    const id = await place(customer, 2)
    const cancel = await merchant.ask(`POST /v1/orders/${id}/cancel`)
    const request = cancel.headers.get('x-request-id')
    const mine = await allPages<z.output<typeof AuditEntry>>(
      merchant,
      `/v1/audit?request_id=${request}&sort=id`,
    )
    assert.deepEqual(
      mine.map(({ operation, outcome, actor }) => [operation, outcome, actor]),
      [
        ['ordering.cancel-order', 'ok', merchant.principal],
        ['catalog.return-stock', 'ok', merchant.principal],
      ],
    )
    assert.deepEqual(
      mine.map(({ parent }) => parent),
      [null, mine[0]?.id],
    )
    assert.deepEqual(await allPages(foreigner, `/v1/audit?request_id=${request}`), [])
    assert.equal((await customer.ask('GET /v1/audit')).status, 403)
  })
})

describe('the report of sales', () => {
  test('is for merchants, best sellers first', async () => {
    const sold = await allPages<z.output<typeof ProductSales>>(
      merchant,
      '/v1/reports/product-sales?limit=40',
    )
    assert.ok(sold.length > 0)
    const units = sold.map((product) => product.units)
    assert.deepEqual(
      units,
      units.toSorted((left, right) => right - left),
    )
    assert.equal((await customer.ask('GET /v1/reports/product-sales')).status, 403)
    const support = await shop.caller('acme', 'support')
    assert.equal((await support.ask('GET /v1/reports/product-sales')).status, 403)
  })
})
