/** Orders that look unusual are held, with reasons, until a person has looked at them. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { z } from 'zod'
import type { Order } from '../ordering/contract.ts'
import { allPages, type Caller, type TestShop, testShop } from '../test-shop.ts'
import type { Review } from './contract.ts'
import { type OrderFacts, REVIEW_SCORE, reasonsAgainst, scoreOf } from './rules.ts'

type OrderBody = z.output<typeof Order>
type ReviewBody = z.output<typeof Review>

let shop: TestShop
let merchant: Caller
let support: Caller
before(async () => {
  shop = await testShop()
  merchant = await shop.caller('acme', 'merchant')
  support = await shop.caller('acme', 'support')
  await merchant.ask('POST /v1/products', { body: { ...item, stock: 10_000 } })
  await merchant.ask('POST /v1/products', {
    body: { ...item, sku: 'DEAR', price_minor: 1_000_000, stock: 100 },
  })
})
after(() => shop[Symbol.asyncDispose]())

const item = { sku: 'CHEAP', name: 'Cheap', price_minor: 100, currency: 'EUR' }
const buyer = () => shop.caller('acme', 'customer')
let cards = 0
const newCard = () => `fp_test${String(++cards).padStart(6, '0')}`

async function place(by: Caller, facts: object = {}, sku = 'CHEAP'): Promise<OrderBody> {
  const body = { lines: [{ sku, quantity: 1 }], ...facts }
  const { status, body: order } = await by.ask<OrderBody>('POST /v1/orders', { body })
  assert.equal(status, 201, JSON.stringify(order))
  return order
}

async function reviewOf({ id }: { readonly id: string }): Promise<ReviewBody> {
  return (await merchant.ask<ReviewBody>(`GET /v1/fraud/reviews/${id}`)).body
}

async function rulesOf(order: { readonly id: string }): Promise<readonly string[]> {
  return (await reviewOf(order)).reasons.map(({ rule }) => rule)
}

const decide = (id: string, what: 'approve' | 'reject', by = support) =>
  by.ask<ReviewBody>(`POST /v1/fraud/reviews/${id}/${what}`, { body: { note: 'Looked at.' } })

async function stockOf(sku: string): Promise<number> {
  const [row] = await shop.rows<{ stock: number }>(
    'acme',
    'SELECT stock FROM products WHERE sku = $1',
    [sku],
    'holdfast_app',
  )
  return row?.stock ?? -1
}

describe('an order', () => {
  test('of an ordinary buyer is placed, and its assessment says why', async () => {
    const order = await place(await buyer(), {
      country: 'DE',
      card: { fingerprint: newCard(), country: 'DE' },
    })
    assert.deepEqual([order.status, order.country], ['placed', 'DE'])
    const { status, score, reasons } = await reviewOf(order)
    assert.deepEqual({ status, score, reasons }, { status: 'accepted', score: 0, reasons: [] })
  })

  test('costs one round trip less than three statements would', async () => {
    const customer = await buyer()
    await place(customer)
    const { pool } = shop.running.runtime
    const before = pool.metrics().roundTrips
    await place(customer)
    assert.equal(pool.metrics().roundTrips - before, 2)
  })

  test('with a card that is used again and again is held', async () => {
    const card = { fingerprint: newCard() }
    for (let earlier = 0; earlier < 5; earlier++) {
      assert.equal((await place(await buyer(), { card })).status, 'placed')
    }
    const held = await place(await buyer(), { card })
    assert.equal(held.status, 'held')
    assert.deepEqual(await rulesOf(held), ['card-velocity', 'card-shared'])
  })

  test('is counted by those that come at the same moment', async () => {
    const card = { fingerprint: newCard() }
    const customer = await buyer()
    const orders = await Promise.all(Array.from({ length: 12 }, () => place(customer, { card })))
    const held = orders.filter(({ status }) => status === 'held')
    assert.equal(held.length, 7, 'all but the first five')
  })

  test('that is unusual in three ways is held, in two it is not', async () => {
    const customer = await buyer()
    for (let earlier = 0; earlier < 10; earlier++) await place(customer)
    const dear = await place(customer, {}, 'DEAR')
    assert.equal(dear.status, 'placed')
    assert.deepEqual(await rulesOf(dear), ['customer-velocity', 'amount-unusual'])
    const abroad = { country: 'DE', card: { fingerprint: newCard(), country: 'US' } }
    const held = await place(customer, abroad)
    assert.deepEqual(
      [held.status, await rulesOf(held)],
      ['held', ['customer-velocity', 'country-mismatch']],
    )
  })

  test('of whom or what is on the blocklist is held, whatever the letters of an email', async () => {
    const customer = await buyer()
    const blocks = [
      ['customer', customer.principal, customer, {}],
      ['card', 'fp_blocked01', await buyer(), { card: { fingerprint: 'fp_blocked01' } }],
      ['email', 'Trudy@Example.org', await buyer(), { email: 'trudy@example.ORG' }],
      ['country', 'XA', await buyer(), { country: 'XA' }],
    ] as const
    for (const [kind, value, by, facts] of blocks) {
      const body = { kind, value, reason: 'Chargebacks.' }
      const added = await merchant.ask<{ id: string }>('POST /v1/fraud/blocklist', { body })
      assert.equal(added.status, 201)
      assert.equal((await merchant.ask('POST /v1/fraud/blocklist', { body })).status, 409)
      const held = await place(by, facts)
      assert.deepEqual([held.status, await rulesOf(held)], ['held', ['blocklist']])
      const path = `/v1/fraud/blocklist/${added.body.id}`
      assert.equal((await merchant.ask(`DELETE ${path}`)).status, 200)
      assert.equal((await merchant.ask(`DELETE ${path}`)).status, 404)
      assert.equal((await place(by, facts)).status, 'placed')
    }
  })
})

async function heldOrder(): Promise<OrderBody> {
  const customer = await buyer()
  const body = { kind: 'customer', value: customer.principal, reason: 'Test.' }
  await merchant.ask('POST /v1/fraud/blocklist', { body })
  return place(customer, { email: 'held@example.org' })
}

describe('an order that is held', () => {
  test('stands in the queue; approved, it is placed and confirmed, once', async () => {
    const order = await heldOrder()
    const queue = await allPages<ReviewBody>(merchant, '/v1/fraud/reviews?status=open&limit=100')
    assert.ok(queue.some(({ order_id }) => order_id === order.id))
    const mails = shop.mails.count
    const answers = await Promise.all([
      decide(order.id, 'approve'),
      decide(order.id, 'approve', merchant),
    ])
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 409])
    const review = await reviewOf(order)
    assert.equal(review.status, 'approved')
    assert.equal(review.note, 'Looked at.')
    await shop.finishJobs()
    assert.equal(shop.mails.count, mails + 1)
    const { body } = await merchant.ask<OrderBody>(`GET /v1/orders/${order.id}`)
    assert.equal(body.status, 'placed')
  })

  test('rejected, is cancelled, and its pieces come back', async () => {
    const before = await stockOf('CHEAP')
    const order = await heldOrder()
    assert.equal(await stockOf('CHEAP'), before - 1)
    assert.equal((await decide(order.id, 'reject')).status, 200)
    assert.equal(await stockOf('CHEAP'), before)
    const { body } = await merchant.ask<OrderBody>(`GET /v1/orders/${order.id}`)
    assert.equal(body.status, 'cancelled')
    assert.equal((await decide(order.id, 'approve')).status, 409)
  })

  test('cancelled by its customer needs no review any more', async () => {
    const order = await heldOrder()
    assert.equal((await merchant.ask(`POST /v1/orders/${order.id}/cancel`)).status, 200)
    assert.equal((await decide(order.id, 'approve')).status, 409)
    await shop.deliverEvents()
    assert.equal((await reviewOf(order)).status, 'withdrawn')
  })

  test('every decision stands in the audit trail', async () => {
    const order = await heldOrder()
    const { headers } = await decide(order.id, 'reject')
    const entries = await allPages<{ operation: string; actor: string }>(
      merchant,
      `/v1/audit?request_id=${headers.get('x-request-id')}`,
    )
    assert.deepEqual(entries.map(({ operation }) => operation).toSorted(), [
      'catalog.return-stock',
      'fraud.reject-order',
      'ordering.cancel-order',
    ])
    assert.ok(entries.every(({ actor }) => actor === support.principal))
  })

  test('is decided by nobody who may not', async () => {
    const order = await heldOrder()
    const customer = await buyer()
    for (const what of ['approve', 'reject'] as const) {
      assert.equal((await decide(order.id, what, customer)).status, 403)
      const stranger = await shop.caller('globex', 'support')
      assert.equal((await decide(order.id, what, stranger)).status, 404)
    }
  })
})

test('no single habit holds an order', () => {
  const order: OrderFacts = {
    order_id: '',
    total_minor: 1_000,
    currency: 'EUR',
    signals: {
      customer_orders: 100,
      card_orders: 0,
      card_customers: 1,
      history: [{ currency: 'EUR', orders: 3, largest_minor: 100 }],
      blocked: [],
    },
  }
  const reasons = reasonsAgainst(order)
  assert.deepEqual(
    reasons.map(({ rule }) => rule),
    ['customer-velocity', 'amount-unusual'],
  )
  assert.ok(scoreOf(reasons) < REVIEW_SCORE)
  const usual = { ...order, total_minor: 500 }
  assert.equal(reasonsAgainst(usual).length, 1, 'five times the largest is still usual')
})
