import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { z } from 'zod'
import { until } from '../../../test/until.ts'
import type { Order } from '../ordering/contract.ts'
import {
  type Answer,
  type AskOptions,
  allPages,
  type Caller,
  payFor,
  type TestShop,
  testShop,
} from '../test-shop.ts'
import type { Shipment, ShipmentSummary } from './contract.ts'
import { shipmentStates, statesBefore } from './shipment-states.ts'

type OrderBody = z.output<typeof Order>
type ShipmentBody = z.output<typeof Shipment>
type Summary = z.output<typeof ShipmentSummary>

interface Refused {
  readonly code: string
  readonly order_status: string
  readonly payment_status: string
}

let shop: TestShop
let merchant: Caller
let customer: Caller
before(async () => {
  shop = await testShop()
  merchant = await shop.caller('acme', 'merchant')
  customer = await shop.caller('acme', 'customer')
  const body = { sku: 'PARCEL', name: 'Parcel', price_minor: 100, currency: 'EUR', stock: 1000 }
  await merchant.ask('POST /v1/products', { body })
})
after(() => shop[Symbol.asyncDispose]())

async function placed(sku = 'PARCEL'): Promise<OrderBody> {
  const body = { lines: [{ sku, quantity: 1 }] }
  return (await customer.ask<OrderBody>('POST /v1/orders', { body })).body
}

async function paid(): Promise<OrderBody> {
  const order = await placed()
  await payFor(customer, order.id)
  return order
}

const ship = (order: string, by = merchant, options: AskOptions = {}) =>
  by.ask<Summary & Refused>(`POST /v1/orders/${order}/shipments`, {
    body: { carrier: 'Postal', tracking_code: 'P-1' },
    ...options,
  })

const move = (id: string, status: string, headers: Record<string, string> = {}) =>
  merchant.ask<Summary & { code: string; from: string }>(`POST /v1/shipments/${id}/moves`, {
    body: { status, note: `Now ${status}.` },
    headers,
  })

async function shipped(): Promise<Summary> {
  const { status, body } = await ship((await paid()).id)
  assert.equal(status, 201)
  return body
}

describe('a shipment', () => {
  test('goes from state to state, and its customer sees each', async () => {
    const order = await paid()
    const made = await ship(order.id)
    assert.equal(made.headers.get('location'), `/v1/shipments/${made.body.id}`)
    assert.equal(made.headers.get('etag'), '"1"')
    for (const status of ['handed_over', 'in_transit', 'delivered']) {
      assert.equal((await move(made.body.id, status)).status, 200)
    }
    const { body } = await customer.ask<ShipmentBody>(`GET /v1/shipments/${made.body.id}`)
    assert.deepEqual(
      body.moves.map(({ status, note }) => [status, note]),
      [
        ['created', null],
        ['handed_over', 'Now handed_over.'],
        ['in_transit', 'Now in_transit.'],
        ['delivered', 'Now delivered.'],
      ],
    )
    assert.deepEqual([body.version, body.order_id], [4, order.id])
  })

  test('goes nowhere that its state does not lead to', async () => {
    for (const from of shipmentStates) {
      const { id } = await shipped()
      const way = {
        created: [],
        handed_over: ['handed_over'],
        in_transit: ['handed_over', 'in_transit'],
      }
      const steps = way[from as keyof typeof way] ?? ['handed_over', from]
      for (const step of steps) assert.equal((await move(id, step)).status, 200, `${from}: ${step}`)
      const possible = shipmentStates.filter((to) => statesBefore(to).includes(from))
      const others = shipmentStates.filter((to) => to !== 'created' && !possible.includes(to))
      for (const to of others) {
        const refused = await move(id, to)
        assert.deepEqual(
          [refused.status, refused.body.code],
          [409, 'move-not-possible'],
          `${from} ${to}`,
        )
        assert.equal(refused.body.from, from)
      }
    }
  })

  test('moves once, whoever tells it at once', async () => {
    const { id } = await shipped()
    const answers = await Promise.all([1, 2, 3, 4].map(() => move(id, 'handed_over')))
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 409, 409, 409])
    const stale = await move(id, 'in_transit', { 'if-match': '"1"' })
    assert.equal(stale.status, 412)
    assert.equal((await move(id, 'in_transit', { 'if-match': '"2"' })).status, 200)
  })

  test('is read by its customer and by those who serve the tenant, and by nobody else', async () => {
    const { id } = await shipped()
    const stranger = await shop.caller('acme', 'customer')
    const foreign = await shop.caller('globex', 'merchant')
    const support = await shop.caller('acme', 'support')
    const seen = (by: Caller): Promise<Answer> => by.ask(`GET /v1/shipments/${id}`)
    assert.equal((await seen(support)).status, 200)
    assert.equal((await seen(stranger)).status, 404)
    assert.equal((await seen(foreign)).status, 404)
    const listed = (by: Caller) => allPages<Summary>(by, '/v1/shipments?limit=100')
    assert.ok((await listed(customer)).some((each) => each.id === id))
    assert.equal((await listed(stranger)).length, 0)
    assert.equal((await ship((await placed()).id, customer)).status, 403)
  })
})

describe('an order', () => {
  test('is shipped once, and not cancelled any more', async () => {
    const { id } = await paid()
    const answers = await Promise.all([ship(id), ship(id), ship(id)])
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 409, 409])
    const { body } = await customer.ask<OrderBody>(`GET /v1/orders/${id}`)
    assert.match(body.shipped_at ?? '', /^\d{4}-/)
    assert.equal((await customer.ask(`POST /v1/orders/${id}/cancel`)).status, 409)
  })

  test('is shipped or cancelled, never both', async () => {
    for (let round = 0; round < 10; round++) {
      const { id } = await paid()
      const [shipment, cancelled] = await Promise.all([
        ship(id),
        customer.ask(`POST /v1/orders/${id}/cancel`),
      ])
      const answers = [shipment.status === 201, cancelled.status === 200]
      assert.deepEqual(answers.toSorted(), [false, true], `${shipment.status} ${cancelled.status}`)
    }
  })

  test('is not shipped before it is paid for; one that costs nothing is', async () => {
    const { id } = await placed()
    const key = { idempotencyKey: 'before-and-after' }
    const early = await ship(id, merchant, key)
    assert.deepEqual(
      [early.status, early.body.code, early.body.order_status, early.body.payment_status],
      [409, 'order-not-shippable', 'placed', 'unpaid'],
    )
    await customer.ask(`POST /v1/orders/${id}/pay`, { body: { source: 'src_declined' } })
    await until('the card is declined', async () => {
      const { body } = await customer.ask(`GET /v1/orders/${id}`)
      return body.payment_status === 'declined'
    })
    assert.equal((await ship(id)).status, 409)
    await payFor(customer, id)
    assert.equal((await ship(id, merchant, key)).status, 201)

    const gift = { sku: 'GIFT', name: 'Gift', price_minor: 0, currency: 'EUR', stock: 1 }
    await merchant.ask('POST /v1/products', { body: gift })
    assert.equal((await ship((await placed('GIFT')).id)).status, 201)
  })

  test('that is cancelled or of another tenant is not shipped', async () => {
    const { id } = await paid()
    await customer.ask(`POST /v1/orders/${id}/cancel`)
    assert.equal((await ship(id)).status, 409)
    const foreign = await shop.caller('globex', 'merchant')
    assert.equal((await ship((await paid()).id, foreign)).status, 404)
  })
})
