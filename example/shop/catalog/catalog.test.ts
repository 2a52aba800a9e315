import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { z } from 'zod'
import { type Answer, type Caller, type TestShop, testShop } from '../test-shop.ts'
import type { Product, Stock } from './contract.ts'

type ProductBody = z.output<typeof Product>
type StockBody = z.output<typeof Stock>

let shop: TestShop
let merchant: Caller
let customer: Caller
before(async () => {
  shop = await testShop()
  merchant = await shop.caller('acme', 'merchant')
  customer = await shop.caller('acme', 'customer')
})
after(() => shop[Symbol.asyncDispose]())

const lamp = { name: 'Lamp', price_minor: 4_50, currency: 'EUR', stock: 10 }
let made = 0
function create(facts: Record<string, unknown> = {}): Promise<Answer<ProductBody>> {
  const body = { ...lamp, sku: `C-${++made}`, ...facts }
  return merchant.ask<ProductBody>('POST /v1/products', { body })
}

function change(id: string, ifMatch: string | undefined, body: unknown) {
  const headers = ifMatch === undefined ? {} : { 'if-match': ifMatch }
  return merchant.ask<ProductBody>(`PATCH /v1/products/${id}`, { body, headers })
}

function codeOf(answer: Answer<unknown>): unknown {
  return (answer.body as { code?: unknown }).code
}

describe('a product', () => {
  test('is made at version 1, shown as made, and tells its version as ETag', async () => {
    const { status, headers, body } = await create({ description: 'Bright.' })
    assert.equal(status, 201)
    assert.equal(headers.get('etag'), '"1"')
    assert.equal(body.version, 1)
    assert.equal(body.description, 'Bright.')
    assert.match(body.id, /^prd_[0-9a-f]{32}$/)
    assert.deepEqual(Object.keys(body).toSorted(), [
      'active',
      'created_at',
      'currency',
      'description',
      'id',
      'name',
      'price_minor',
      'sku',
      'updated_at',
      'version',
    ])
    const read = await customer.ask<ProductBody>(`GET /v1/products/${body.id}`)
    assert.deepEqual(read.body, body)
    assert.equal(read.headers.get('etag'), '"1"')
  })

  test('has a SKU of its own in the tenant', async () => {
    const { body } = await create()
    const again = await create({ sku: body.sku })
    assert.equal(again.status, 409)
    assert.equal(codeOf(again), 'sku-taken')
  })

  test('is refused with every field that is wrong', async () => {
    const wrong = { sku: 'lower case', name: ' ', price_minor: 1.5, currency: 'XYZ', stock: -1 }
    const answer = await create(wrong)
    assert.equal(answer.status, 422)
    const { errors } = answer.body as unknown as { errors: { pointer: string }[] }
    assert.deepEqual(errors.map(({ pointer }) => pointer).toSorted(), [
      '/currency',
      '/name',
      '/price_minor',
      '/sku',
      '/stock',
    ])
  })
})

describe('changing a product', () => {
  test('changes what is sent and nothing else, and makes the next version', async () => {
    const { body: before } = await create()
    const { status, headers, body } = await change(before.id, '"1"', { price_minor: 999 })
    assert.equal(status, 200)
    assert.equal(headers.get('etag'), '"2"')
    const { updated_at, ...rest } = body
    assert.ok(updated_at > before.updated_at)
    const expected = { ...before, price_minor: 999, version: 2 }
    assert.deepEqual({ ...rest, updated_at: before.updated_at }, expected)
  })

  test('needs the version that was read', async () => {
    const { body } = await create()
    assert.equal((await change(body.id, undefined, { name: 'x' })).status, 428)
    for (const stale of ['"2"', '"0"', '"01"', '"one"', '"1.0"']) {
      const answer = await change(body.id, stale, { name: 'x' })
      assert.equal(answer.status, 412, stale)
      assert.equal(codeOf(answer), 'product-changed')
    }
    assert.equal((await change(body.id, '*', { name: 'any version' })).status, 200)
    const nowhere = body.id.replace(/.{6}$/, '000000')
    assert.equal((await change(nowhere, '*', { name: 'x' })).status, 404)
  })

  test('succeeds for one of those who read the same version', async () => {
    const { body } = await create()
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const answers = await Promise.all(names.map((name) => change(body.id, '"1"', { name })))
    const won = answers.filter(({ status }) => status === 200)
    assert.equal(won.length, 1)
    assert.equal(answers.filter(({ status }) => status === 412).length, names.length - 1)
    const { body: read } = await customer.ask<ProductBody>(`GET /v1/products/${body.id}`)
    assert.equal(read.name, won[0]?.body.name)
    assert.equal(read.version, 2)
  })

  test('is not refused because somebody bought it meanwhile', async () => {
    const { body } = await create()
    const order = { body: { lines: [{ sku: body.sku, quantity: 3 }] } }
    assert.equal((await customer.ask('POST /v1/orders', order)).status, 201)
    assert.equal((await change(body.id, '"1"', { name: 'x' })).status, 200)
  })

  test('cannot change the SKU, the currency, the stock or the version', async () => {
    const { body } = await create()
    for (const field of ['sku', 'currency', 'stock', 'version', 'tenant_id']) {
      const answer = await change(body.id, '*', { [field]: 'x' })
      assert.equal(answer.status, 422, field)
    }
  })
})

describe('the stock of a product', () => {
  const adjust = (id: string, by: number) =>
    merchant.ask<StockBody>(`POST /v1/products/${id}/stock`, { body: { change: by } })

  test('goes up and down by differences, and loses none of those that come at once', async () => {
    const { body } = await create()
    // In whatever order they come, none finds too little left.
    const differences = [5, -3, 7, 1, -2, 4, 4, -5]
    const answers = await Promise.all(differences.map((by) => adjust(body.id, by)))
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    const { body: read } = await customer.ask<StockBody>(`GET /v1/products/${body.id}/stock`)
    assert.deepEqual(read, { id: body.id, sku: body.sku, stock: 21 })
  })

  test('never falls below nothing', async () => {
    const { body } = await create()
    const refused = await adjust(body.id, -11)
    assert.equal(refused.status, 409)
    assert.equal(codeOf(refused), 'stock-out-of-range')
    assert.equal((await adjust(body.id, -10)).body.stock, 0)
    assert.equal((await adjust(body.id, 0)).status, 422)
  })
})
