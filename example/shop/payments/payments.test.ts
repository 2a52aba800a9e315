import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { signWebhook, webhookSecret } from '../../../src/access/signature/standard-webhooks.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { uuidv7 } from '../../../src/base/id.ts'
import { until } from '../../../test/until.ts'
import { orderId } from '../shared/boundary-id.ts'
import { type Caller, type TestShop, testShop } from '../test-shop.ts'

interface Payment {
  readonly id: string
  readonly status: string
  readonly amount_minor: number
}

let shop: TestShop
let ada: Caller
let merchant: Caller
let sku: string

before(async () => {
  shop = await testShop()
  ada = await shop.caller('acme', 'customer')
  merchant = await shop.caller('acme', 'merchant')
  const [product] = await shop.rows<{ sku: string }>(
    'acme',
    `SELECT sku FROM products WHERE active AND price_minor > 0 AND stock > 40 ORDER BY id LIMIT 1`,
  )
  sku = product?.sku ?? ''
})
after(() => shop[Symbol.asyncDispose]())

async function place(by = ada): Promise<string> {
  const { status, body } = await by.ask('POST /v1/orders', {
    body: { lines: [{ sku, quantity: 1 }] },
  })
  assert.equal(status, 201, JSON.stringify(body))
  return String(body.id)
}

const pay = (order: string, source = 'src_card', by = ada) =>
  by.ask(`POST /v1/orders/${order}/pay`, { body: { source } })

async function paymentOf(order: string): Promise<Payment> {
  return (await ada.ask<Payment>(`GET /v1/orders/${order}/payment`)).body
}

const comesTo = (order: string, status: string) =>
  until(`${order} ${status}`, async () => (await paymentOf(order)).status === status)

const paymentStatus = async (order: string) =>
  (await ada.ask(`GET /v1/orders/${order}`)).body.payment_status

const uuidOf = (order: string) => orderId.ids.decode(order) ?? ''

/** Retries and looks that wait for their time have it now. */
async function hurry(): Promise<void> {
  await shop.rows(
    'acme',
    'UPDATE holdfast.jobs SET run_at = clock_timestamp()',
    [],
    'holdfast_loops',
  )
  shop.running.loops.wake({ events: true, jobs: true })
}

async function charges(order: string): Promise<{ shop: number[]; provider: number[] }> {
  const own = await shop.rows<{ amount_minor: string }>(
    'acme',
    `SELECT l.amount_minor FROM payment_ledger AS l JOIN payments ON id = payment_id
     WHERE order_id = $1 ORDER BY kind`,
    [uuidOf(order)],
  )
  const references = await shop.rows<{ id: string }>(
    'acme',
    'SELECT id FROM payments WHERE order_id = $1',
    [uuidOf(order)],
  )
  const { ledger } = await shop.provider.state()
  const mine = ledger.filter(({ reference }) => references.some(({ id }) => id === reference))
  return {
    shop: own.map(({ amount_minor }) => Number(amount_minor)),
    provider: mine.map(({ amount_minor }) => amount_minor),
  }
}

test('an order is paid for once, and both ledgers say so', async () => {
  const order = await place()
  const answer = await pay(order)
  assert.equal(answer.status, 202)
  assert.equal(answer.body.status, 'pending')
  await comesTo(order, 'captured')
  assert.equal(await paymentStatus(order), 'paid')
  const { amount_minor } = await paymentOf(order)
  assert.deepEqual(await charges(order), { shop: [amount_minor], provider: [amount_minor] })
  const again = await pay(order)
  assert.deepEqual(
    [again.status, again.body.code, again.body.payment_status],
    [409, 'order-not-payable', 'paid'],
  )
  const moves = await shop.rows(
    'acme',
    `SELECT from_status, to_status FROM payment_moves JOIN payments ON id = payment_id
     WHERE order_id = $1 ORDER BY payment_moves.provider_version`,
    [uuidOf(order)],
  )
  assert.equal(moves.at(-1)?.to_status, 'captured')
})

test('a card that is declined may be followed by another', async () => {
  const order = await place()
  await pay(order, 'src_declined')
  await comesTo(order, 'declined')
  assert.equal(await paymentStatus(order), 'declined')
  assert.equal((await pay(order)).status, 202)
  await comesTo(order, 'captured')
  assert.equal((await charges(order)).provider.length, 1)
})

test('what was paid comes back when the order is cancelled', async () => {
  const order = await place()
  await pay(order)
  await comesTo(order, 'captured')
  assert.equal((await ada.ask(`POST /v1/orders/${order}/cancel`)).status, 200)
  await comesTo(order, 'refunded')
  assert.equal(await paymentStatus(order), 'refunded')
  const { amount_minor: amount } = await paymentOf(order)
  assert.deepEqual(await charges(order), { shop: [amount, -amount], provider: [amount, -amount] })
  assert.equal((await pay(order)).status, 409)
})

test('an order that is cancelled while it is being paid for ends without a charge', async () => {
  await shop.provider.fail({ kind: 'error', step: 'authorize', count: 20 })
  const order = await place()
  await pay(order)
  assert.equal((await ada.ask(`POST /v1/orders/${order}/cancel`)).status, 200)
  await shop.deliverEvents()
  await shop.provider.clear()
  await hurry()
  await until('released', async () => {
    await hurry()
    return (await paymentOf(order)).status === 'voided'
  })
  assert.deepEqual(await charges(order), { shop: [], provider: [] })
})

test('a provider that does it and does not say so is not made to do it twice', async () => {
  for (const kind of ['error-after', 'reset-after'] as const) {
    for (const step of ['authorize', 'capture'] as const) {
      await shop.provider.fail({ kind, step, count: 2 })
      const order = await place()
      await pay(order)
      await until('captured', async () => {
        await hurry()
        return (await paymentOf(order)).status === 'captured'
      })
      assert.equal((await charges(order)).provider.length, 1, `${kind} ${step}`)
    }
  }
  await shop.provider.clear()
})

test('webhooks that come twice and in another order change nothing', async () => {
  await shop.provider.webhooks({ copies: 3, delay_ms_max: 300 })
  const orders = await Promise.all([place(), place(), place()])
  for (const order of orders) await pay(order)
  for (const order of orders) await comesTo(order, 'captured')
  for (const order of orders) await ada.ask(`POST /v1/orders/${order}/cancel`)
  for (const order of orders) await comesTo(order, 'refunded')
  await shop.provider.clear()
  await until(
    'all webhooks taken',
    async () => (await shop.provider.state()).webhooks_waiting === 0,
  )
  for (const order of orders) {
    assert.equal((await paymentOf(order)).status, 'refunded')
    assert.equal((await charges(order)).shop.length, 2)
  }
})

test('each request to the provider is counted by its route, and the breaker is told', async () => {
  const lines = shop.running.telemetry.metrics.lines().join('\n')
  const labels = 'client="payment-provider",route="POST /v1/payments/{id}/capture",outcome="200"'
  assert.ok(lines.includes(`http_client_request_duration_seconds_count{${labels}}`), lines)
  assert.match(lines, /holdfast_outbound_breaker\{client="payment-provider",state="closed"\} [01]/)
})

test('the sums of both ledgers agree', async () => {
  const { body } = await merchant.ask<{ data: { currency: string; net_minor: number }[] }>(
    'GET /v1/payment-totals',
  )
  const { ledger } = await shop.provider.state()
  const sums = new Map<string, number>()
  for (const { account, currency, amount_minor } of ledger)
    if (account === 'acme') sums.set(currency, (sums.get(currency) ?? 0) + amount_minor)
  assert.deepEqual(new Map(body.data.map((each) => [each.currency, each.net_minor])), sums)
})

test('payments of others are not there, and not to be made', async () => {
  const order = await place()
  const eve = await shop.caller('acme', 'customer')
  const mallory = await shop.caller('globex', 'customer')
  for (const other of [eve, mallory]) {
    assert.equal((await pay(order, 'src_card', other)).status, 404)
    assert.equal((await other.ask(`GET /v1/orders/${order}/payment`)).status, 404)
  }
  assert.equal((await pay(order, 'src_card', merchant)).status, 403)
  assert.equal((await ada.ask(`GET /v1/orders/${order}/payment`)).status, 404)
})

/** What the provider of a tenant would send. */
function sender(tenant: string) {
  const { payments } = shop.running.runtime.services as {
    payments: { webhookKeys: readonly Key[] }
  }
  const key = payments.webhookKeys.find((each) => each.tenant === tenant) as Key
  const secret = webhookSecret(key.secret.reveal())
  return async (message: Partial<Message> = {}, secrets = [secret], change = '') => {
    const timestampS = Math.floor(systemClock.now() / 1000)
    const full = { id: `msg_${uuidv7()}`, timestampS, body: BODY, ...message }
    const headers = { ...signWebhook(full, secrets), 'content-type': 'application/json' }
    const url = `${shop.running.apiUrl}/v1/webhooks/payments`
    const response = await fetch(url, { method: 'POST', headers, body: full.body + change })
    const replayed = response.headers.get('idempotency-replayed')
    const body = (await response.json()) as Record<string, unknown>
    return { status: response.status, replayed, body }
  }
}

test('a webhook is taken with a good signature, once, and not otherwise', async () => {
  const send = sender('acme')
  const id = `msg_${uuidv7()}`
  const first = await send({ id })
  assert.deepEqual([first.status, first.replayed, first.body], [200, null, { outcome: 'unknown' }])
  const second = await send({ id })
  assert.deepEqual([second.status, second.replayed, second.body], [200, 'true', first.body])
  assert.equal((await send({ id, body: `${BODY} ` })).status, 422)
  assert.equal(
    (await send({ body: '{"type":"other.thing","timestamp":"","data":{}}' })).status,
    200,
  )

  const old = Math.floor(systemClock.now() / 1000) - 3_600
  for (const refused of [
    await send({}, [Buffer.alloc(32, 1)]),
    await send({}, []),
    await send({}, undefined, ' '),
    await send({ timestampS: old }),
  ]) {
    assert.equal(refused.status, 401)
    assert.equal(refused.body.code, 'unauthenticated')
  }
  const withKey = await ada.ask('POST /v1/webhooks/payments', { body: JSON.parse(BODY) })
  assert.equal(withKey.status, 401)
})

const states = ['authorized', 'captured', 'refunded'] as const

const orders = (list: readonly number[]): number[][] =>
  list.length === 0
    ? [[]]
    : list.flatMap((first) =>
        orders(list.filter((n) => n !== first)).map((rest) => [first, ...rest]),
      )

test('in whatever order states are told, twice each, the end and the books are the same', async () => {
  await shop.provider.fail({ kind: 'error', step: 'authorize', count: 1_000 })
  const send = sender('acme')
  for (const told of orders([0, 1, 2])) {
    const order = await place(await shop.caller('acme', 'customer'))
    const [payment] = await shop.rows<Told>(
      'acme',
      `INSERT INTO payments (id, order_id, customer_id, source, amount_minor, currency)
       SELECT gen_random_uuid(), id, customer_id, 'src_card', total_minor, currency FROM orders WHERE id = $1
       RETURNING id, amount_minor::float8 AS amount_minor, currency`,
      [uuidOf(order)],
    )
    const { id: reference, ...amount } = payment as Told
    for (const n of [...told, ...told]) {
      const data = {
        id: `pp_${reference}`,
        reference,
        status: states[n],
        version: n + 1,
        ...amount,
      }
      const body = JSON.stringify({ type: `payment.${states[n]}`, timestamp: '', data })
      // A payment of one tenant is unknown to what the account of another tells.
      assert.equal((await sender('globex')({ body })).body.outcome, 'unknown')
      assert.equal((await send({ body })).status, 200)
    }
    const { shop: booked } = await charges(order)
    assert.deepEqual(booked, [amount.amount_minor, -amount.amount_minor], told.join())
    const [row] = await shop.rows('acme', 'SELECT payment_status FROM orders WHERE id = $1', [
      uuidOf(order),
    ])
    assert.equal(row?.payment_status, 'refunded')
  }
  await shop.provider.clear()
})

test('another amount than was asked for is refused', async () => {
  await shop.provider.fail({ kind: 'error', step: 'authorize', count: 1_000 })
  const order = await place(await shop.caller('acme', 'customer'))
  const reference = uuidv7()
  await shop.rows(
    'acme',
    `INSERT INTO payments (id, order_id, customer_id, source, amount_minor, currency)
     SELECT $2, id, customer_id, 'src_card', 500, 'EUR' FROM orders WHERE id = $1`,
    [uuidOf(order), reference],
  )
  const fair = {
    id: 'pp_fair',
    reference,
    status: 'captured',
    version: 2,
    amount_minor: 500,
    currency: 'EUR',
  }
  for (const unfair of [{ amount_minor: 499 }, { currency: 'USD' }]) {
    const body = JSON.stringify({
      type: 'payment.captured',
      timestamp: '',
      data: { ...fair, ...unfair },
    })
    const { status, body: answer } = await sender('acme')({ body })
    assert.deepEqual([status, answer.code], [409, 'payment-differs'])
  }
  await shop.provider.clear()
})

interface Told {
  readonly id: string
  readonly amount_minor: number
  readonly currency: string
}

interface Key {
  readonly tenant: string
  readonly secret: { reveal(): string }
}

interface Message {
  readonly id: string
  readonly timestampS: number
  readonly body: string
}

const BODY = JSON.stringify({
  type: 'payment.captured',
  timestamp: '2026-01-01T00:00:00Z',
  data: {
    id: 'pp_1',
    reference: '0198f000-0000-7000-8000-000000000000',
    status: 'captured',
    amount_minor: 1,
    currency: 'EUR',
    version: 2,
  },
})
