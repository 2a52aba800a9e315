import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { z } from 'zod'
import type { Order } from '../ordering/contract.ts'
import { type Answer, allPages, type Caller, type TestShop, testShop } from '../test-shop.ts'
import type { Shipment, ShipmentSummary } from './contract.ts'
import { shipmentStates, statesBefore } from './shipment-states.ts'

type OrderBody = z.output<typeof Order>
type ShipmentBody = z.output<typeof Shipment>
type Summary = z.output<typeof ShipmentSummary>

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

async function placed(): Promise<OrderBody> {
  const body = { lines: [{ sku: 'PARCEL', quantity: 1 }] }
  return (await customer.ask<OrderBody>('POST /v1/orders', { body })).body
}

const ship = (order: string, by = merchant) =>
  by.ask<Summary>(`POST /v1/orders/${order}/shipments`, {
    body: { carrier: 'Postal', tracking_code: 'P-1' },
  })

const move = (id: string, status: string, headers: Record<string, string> = {}) =>
  merchant.ask<Summary & { code: string; from: string }>(`POST /v1/shipments/${id}/moves`, {
    body: { status, note: `Now ${status}.` },
    headers,
  })

async function shipped(): Promise<Summary> {
  const { status, body } = await ship((await placed()).id)
  assert.equal(status, 201)
  return body
}

describe('a shipment', () => {
  test('goes from state to state, and its customer sees each', async () => {
    const order = await placed()
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
    const { id } = await placed()
    const answers = await Promise.all([ship(id), ship(id), ship(id)])
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 409, 409])
    assert.equal((await customer.ask(`POST /v1/orders/${id}/cancel`)).status, 409)
  })

  test('is shipped or cancelled, never both', async () => {
    for (let round = 0; round < 10; round++) {
      const { id } = await placed()
      const [shipment, cancelled] = await Promise.all([
        ship(id),
        customer.ask(`POST /v1/orders/${id}/cancel`),
      ])
      const answers = [shipment.status === 201, cancelled.status === 200]
      assert.deepEqual(answers.toSorted(), [false, true], `${shipment.status} ${cancelled.status}`)
    }
  })

  test('that is cancelled or of another tenant is not shipped', async () => {
    const { id } = await placed()
    await customer.ask(`POST /v1/orders/${id}/cancel`)
    assert.equal((await ship(id)).status, 409)
    const foreign = await shop.caller('globex', 'merchant')
    assert.equal((await ship((await placed()).id, foreign)).status, 404)
  })
})
