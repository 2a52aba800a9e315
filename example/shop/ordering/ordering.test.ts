import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { z } from 'zod'
import { type Answer, type Caller, type TestShop, testShop } from '../test-shop.ts'
import type { Order } from './contract.ts'

type OrderBody = z.output<typeof Order>
interface Product {
  readonly id: string
  readonly sku: string
  readonly price_minor: number
}

let shop: TestShop
let customer: Caller
let merchant: Caller
before(async () => {
  shop = await testShop()
  customer = await shop.caller('acme', 'customer')
  merchant = await shop.caller('acme', 'merchant')
})
after(() => shop[Symbol.asyncDispose]())

let products = 0
async function product(facts: Record<string, unknown> = {}, by = merchant): Promise<Product> {
  const sku = `T-${++products}`
  const body = {
    sku,
    name: `Thing ${sku}`,
    price_minor: 1999,
    currency: 'EUR',
    stock: 100,
    ...facts,
  }
  const { status, body: made } = await by.ask<Product>('POST /v1/products', { body })
  assert.equal(status, 201)
  return made
}

async function stockOf(id: string): Promise<number> {
  const { body } = await merchant.ask<{ stock: number }>(`GET /v1/products/${id}/stock`)
  return body.stock
}

type Line = readonly [product: Product, quantity: number]

function order(lines: readonly Line[], by = customer): Promise<Answer<OrderBody>> {
  const body = { lines: lines.map(([{ sku }, quantity]) => ({ sku, quantity })) }
  return by.ask<OrderBody>('POST /v1/orders', { body })
}

function codeOf(answer: Answer<unknown>): unknown {
  return (answer.body as { code?: unknown }).code
}

async function placed(lines: readonly Line[], by = customer): Promise<OrderBody> {
  const answer = await order(lines, by)
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body
}

/** How much of everything there is for an order. */
async function traces(made: Answer<OrderBody>): Promise<Record<string, number> | undefined> {
  const id = uuidOf(made.body.id)
  const asLoops = (text: string, value: string) =>
    shop.rows<Record<string, number>>('acme', text, [value], 'holdfast_loops')
  const [own] = await shop.rows<Record<string, number>>(
    'acme',
    `SELECT (SELECT count(*)::int FROM orders WHERE id = $1) AS orders,
       (SELECT count(*)::int FROM order_lines WHERE order_id = $1) AS lines,
       (SELECT count(*)::int FROM sent_mails WHERE cause = 'order-confirmation/' || $1) AS confirmations`,
    [id],
  )
  const [events] = await asLoops(
    `SELECT count(*)::int AS events FROM holdfast.events WHERE payload->>'order_id' = $1`,
    id,
  )
  const [audit] = await asLoops(
    `SELECT count(*)::int AS audit FROM holdfast.audit_entries
     WHERE operation = 'ordering.place-order' AND outcome = 'ok' AND request_id = $1`,
    made.headers.get('x-request-id') ?? '',
  )
  return { ...own, ...events, ...audit }
}

function countAll() {
  return shop.rows(
    'acme',
    `SELECT (SELECT count(*) FROM orders) AS orders, (SELECT count(*) FROM order_lines) AS lines,
       (SELECT sum(stock) FROM products) AS stock`,
  )
}

function uuidOf(id: string): string {
  return id.slice(4).replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
}

describe('placing an order', () => {
  test('takes the pieces, keeps the prices of the moment and tells an exact total', async () => {
    const [one, other] = [await product({ price_minor: 333 }), await product({ price_minor: 10 })]
    const made = await placed([
      [one, 3],
      [other, 7],
    ])
    assert.match(made.id, /^ord_[0-9a-f]{32}$/)
    assert.equal(made.total_minor, 3 * 333 + 7 * 10)
    assert.deepEqual(
      made.lines.map(({ sku, quantity, unit_price_minor, line_total_minor }) => [
        sku,
        quantity,
        unit_price_minor,
        line_total_minor,
      ]),
      [
        [one.sku, 3, 333, 999],
        [other.sku, 7, 10, 70],
      ],
    )
    assert.deepEqual([await stockOf(one.id), await stockOf(other.id)], [97, 93])

    const dearer = { body: { price_minor: 99_999 }, headers: { 'if-match': '"1"' } }
    assert.equal((await merchant.ask(`PATCH /v1/products/${one.id}`, dearer)).status, 200)
    const { body: read } = await customer.ask<OrderBody>(`GET /v1/orders/${made.id}`)
    assert.deepEqual(read, made)
  })

  test('stays exact at the dearest price and the largest quantity', async () => {
    const dearest = await product({ price_minor: 100_000_000_000 })
    const made = await placed([[dearest, 100]])
    assert.equal(made.total_minor, 10_000_000_000_000)
  })

  test('never sells more than there is, whoever comes at once', async () => {
    const rare = await product({ stock: 25 })
    const answers = await Promise.all(Array.from({ length: 40 }, () => order([[rare, 1]])))
    const sold = answers.filter(({ status }) => status === 201)
    const refused = answers.filter(({ status }) => status === 409)
    assert.equal(sold.length, 25)
    assert.equal(refused.length, 15)
    assert.deepEqual(new Set(refused.map(codeOf)), new Set(['insufficient-stock']))
    assert.equal(await stockOf(rare.id), 0)
  })

  test('does not wait in a circle: the same products in opposite orders', async () => {
    const [one, other] = [await product(), await product()]
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, index) => {
        const lines: Line[] = [
          [one, 1],
          [other, 2],
        ]
        return order(index % 2 === 0 ? lines : lines.toReversed())
      }),
    )
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]))
    assert.deepEqual([await stockOf(one.id), await stockOf(other.id)], [76, 52])
  })

  test('takes nothing where one line cannot be had, and names it', async () => {
    const [plenty, few] = [await product(), await product({ stock: 1 })]
    const answer = await order([
      [plenty, 5],
      [few, 2],
    ])
    assert.equal(answer.status, 409)
    assert.equal(codeOf(answer), 'insufficient-stock')
    assert.deepEqual((answer.body as unknown as { skus: string[] }).skus, [few.sku])
    assert.deepEqual([await stockOf(plenty.id), await stockOf(few.id)], [100, 1])
  })

  test('names what is unknown or no longer on sale, and nothing else', async () => {
    const [known, gone] = [await product(), await product()]
    const off = { body: { active: false }, headers: { 'if-match': '*' } }
    assert.equal((await merchant.ask(`PATCH /v1/products/${gone.id}`, off)).status, 200)
    const answer = await order([
      [known, 1],
      [gone, 1],
      [{ ...known, sku: 'NO-SUCH' }, 1],
    ])
    assert.equal(answer.status, 422)
    assert.equal(codeOf(answer), 'unknown-product')
    assert.deepEqual((answer.body as unknown as { skus: string[] }).skus, [gone.sku, 'NO-SUCH'])
    assert.equal(await stockOf(known.id), 100)
  })

  test('has one currency', async () => {
    const [euro, pound] = [await product(), await product({ currency: 'GBP' })]
    const answer = await order([
      [euro, 1],
      [pound, 1],
    ])
    assert.equal(answer.status, 422)
    assert.equal(codeOf(answer), 'mixed-currencies')
    assert.deepEqual([await stockOf(euro.id), await stockOf(pound.id)], [100, 100])
  })

  test('refuses a product that stands there twice, and no pieces', async () => {
    const thing = await product()
    for (const lines of [
      [
        [thing, 1],
        [thing, 2],
      ],
      [[thing, 0]],
      [[thing, 101]],
      [],
    ] as Line[][]) {
      const answer = await order(lines)
      assert.equal(answer.status, 422)
      assert.equal(codeOf(answer), 'validation')
    }
    assert.equal(await stockOf(thing.id), 100)
  })

  test('with one key is one order, whatever comes at once', async () => {
    const thing = await product()
    const body = { lines: [{ sku: thing.sku, quantity: 4 }] }
    const ask = () =>
      customer.ask<OrderBody>('POST /v1/orders', { body, idempotencyKey: thing.sku })
    const answers = await Promise.all(Array.from({ length: 6 }, ask))
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]))
    assert.equal(new Set(answers.map(({ body: { id } }) => id)).size, 1)
    assert.equal(await stockOf(thing.id), 96)
  })
})

describe('cancelling an order', () => {
  test('puts its pieces back exactly once, whoever asks at once', async () => {
    const [one, other] = [await product(), await product()]
    const made = await placed([
      [one, 3],
      [other, 1],
    ])
    const cancel = (by: Caller) => by.ask<OrderBody>(`POST /v1/orders/${made.id}/cancel`)
    const answers = await Promise.all(
      [customer, merchant, customer, merchant, customer].map(cancel),
    )
    const done = answers.filter(({ status }) => status === 200)
    assert.equal(done.length, 1)
    assert.equal(done[0]?.body.status, 'cancelled')
    assert.deepEqual(
      new Set(answers.filter(({ status }) => status !== 200).map(codeOf)),
      new Set(['order-not-cancellable']),
    )
    assert.deepEqual([await stockOf(one.id), await stockOf(other.id)], [100, 100])
    const { body: read } = await customer.ask<OrderBody>(`GET /v1/orders/${made.id}`)
    assert.deepEqual(read, done[0]?.body)
  })
})

describe('who sees an order', () => {
  test('its customer, and those who serve the tenant', async () => {
    const made = await placed([[await product(), 1]])
    const stranger = await shop.caller('acme', 'customer')
    const support = await shop.caller('acme', 'support')
    for (const [who, status] of [
      [customer, 200],
      [merchant, 200],
      [support, 200],
      [stranger, 404],
    ] as const) {
      assert.equal((await who.ask(`GET /v1/orders/${made.id}`)).status, status)
    }
    const attempt = await stranger.ask(`POST /v1/orders/${made.id}/cancel`)
    assert.equal(attempt.status, 404)
    assert.equal((await support.ask(`POST /v1/orders/${made.id}/cancel`)).status, 200)
  })

  test('nobody of another tenant: neither order nor product, by id or by SKU', async () => {
    const thing = await product({ sku: 'ONLY-ACME' })
    const made = await placed([[thing, 1]])
    const foreign = {
      customer: await shop.caller('globex', 'customer'),
      merchant: await shop.caller('globex', 'merchant'),
      support: await shop.caller('globex', 'support'),
    }
    for (const who of Object.values(foreign)) {
      assert.equal((await who.ask(`GET /v1/orders/${made.id}`)).status, 404)
      assert.equal((await who.ask(`GET /v1/products/${thing.id}`)).status, 404)
      assert.equal((await who.ask(`GET /v1/products/${thing.id}/stock`)).status, 404)
    }
    const cancel = await foreign.support.ask(`POST /v1/orders/${made.id}/cancel`)
    assert.equal(cancel.status, 404)
    const change = { body: { price_minor: 1 }, headers: { 'if-match': '*' } }
    const patch = await foreign.merchant.ask(`PATCH /v1/products/${thing.id}`, change)
    assert.equal(patch.status, 404)
    const adjust = { body: { change: 1 } }
    const stock = await foreign.merchant.ask(`POST /v1/products/${thing.id}/stock`, adjust)
    assert.equal(stock.status, 404)
    assert.equal(codeOf(await order([[thing, 1]], foreign.customer)), 'unknown-product')
    assert.equal(await stockOf(thing.id), 99)
    // The same SKU is free in another tenant: the unique key tells nothing across tenants.
    await product({ sku: 'ONLY-ACME' }, foreign.merchant)
  })

  test('a role without the permission is refused before anything is looked up', async () => {
    const body = { lines: [{ sku: 'NO-SUCH', quantity: 1 }] }
    assert.equal((await merchant.ask('POST /v1/orders', { body })).status, 403)
    const nothing = { body: {} }
    assert.equal((await customer.ask('POST /v1/products', nothing)).status, 403)
  })
})

describe('what an order leaves behind', () => {
  test('its rows, one audit entry, one event, one confirmation', async () => {
    const thing = await product()
    const body = { lines: [{ sku: thing.sku, quantity: 2 }], email: 'ada@example.org' }
    const idempotencyKey = 'one-of-everything'
    const made = await customer.ask<OrderBody>('POST /v1/orders', { body, idempotencyKey })
    const again = await customer.ask<OrderBody>('POST /v1/orders', { body, idempotencyKey })
    assert.deepEqual(again.body, made.body)
    assert.equal(again.headers.get('idempotency-replayed'), 'true')

    const mail = await shop.mails.until(({ to }) => to === 'ada@example.org')
    assert.equal(mail.subject, `Your order ${made.body.id}`)
    assert.equal(mail.messageId, `<${made.body.id}@acme.shop.example>`)
    assert.match(mail.text, /2 x Thing T-\d+ \(T-\d+\): 39\.98 EUR\nTotal: 39\.98 EUR/)
    await shop.finishJobs()
    const one = { orders: 1, lines: 1, confirmations: 1, events: 1, audit: 1 }
    assert.deepEqual(await traces(made), one)
  })

  test('nothing where it was refused', async () => {
    const thing = await product({ stock: 1 })
    const before = await countAll()
    assert.equal((await order([[thing, 2]])).status, 409)
    assert.equal((await order([[{ ...thing, sku: 'NO-SUCH' }, 2]])).status, 422)
    assert.deepEqual(await countAll(), before)
  })

  test('counters of sales that agree with the orders, cancellations taken out', async () => {
    const thing = await product({ price_minor: 50 })
    await placed([[thing, 2]])
    const cancelled = await placed([[thing, 5]])
    assert.equal((await customer.ask(`POST /v1/orders/${cancelled.id}/cancel`)).status, 200)
    await shop.deliverEvents()
    const differing = await shop.rows(
      'acme',
      `SELECT * FROM (
         SELECT line.product_id, count(*) AS orders_count, sum(quantity) AS units,
           sum(line_total_minor) AS revenue_minor
         FROM order_lines line JOIN orders ON orders.id = line.order_id AND status <> 'cancelled'
         GROUP BY line.product_id
       ) AS sold FULL JOIN (SELECT * FROM product_sales WHERE units <> 0) AS counted
         USING (product_id)
       WHERE (sold.orders_count, sold.units, sold.revenue_minor)
         IS DISTINCT FROM (counted.orders_count, counted.units, counted.revenue_minor)`,
    )
    assert.deepEqual(differing, [])
  })

  test('totals that agree with the lines, in every order there is', async () => {
    const wrong = await shop.rows(
      'acme',
      `SELECT id FROM orders WHERE total_minor IS DISTINCT FROM
         (SELECT sum(unit_price_minor * quantity) FROM order_lines WHERE order_id = orders.id)`,
    )
    assert.deepEqual(wrong, [])
    const negative = await shop.rows('acme', 'SELECT id FROM products WHERE stock < 0')
    assert.deepEqual(negative, [])
  })
})
