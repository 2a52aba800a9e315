/**
 * The database connection is cut at every statement boundary of a command: whatever was sent,
 * executed or answered by then, the caller finds the command done exactly once, or not at all.
 *
 * Inside a batch the places are those of its statements (`cutter.ts`); between the app and the server
 * those of its round trips, sent as they are in production (a proxy). New statements of a command are
 * new places, without a change here.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { app } from '../../example/shop/app.ts'
import { paymentProvider } from '../../example/shop/payments/payment-provider-client.ts'
import { roles } from '../../example/shop/shared/roles.ts'
import { type RunningApp, startApp } from '../../src/app/start-app.ts'
import { loadConfig } from '../../src/runtime/config.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { TcpProxy } from '../../src/testing/tcp-proxy.ts'
import { AppDatabase } from '../app-database.ts'
import { ask, outcome, type Reply } from '../ask.ts'
import { addProducts } from '../shop-products.ts'
import { NO_TRACES, type TallyBench, tallyBench } from '../tally/tally-bench.ts'
import { Cutter, describePlace, type Place } from './cutter.ts'

const STOCK = 10
const payments = paymentProvider({ url: 'http://127.0.0.1:9', accounts: [] })
const mailer = { send: async () => {}, close: () => {} }

/** The shop without its loops: jobs and events stay where an order has put them. */
function startShop(url: string, cutter?: Cutter): Promise<RunningApp> {
  return startApp(app, {
    config: loadConfig({ HOLDFAST_ENV: 'test', DATABASE_URL: url, PORT: '0', ADMIN_PORT: '0' }),
    does: ['api'],
    roles,
    services: { mailer, payments },
    log: silentLog,
    ...(cutter && { step: cutter.step }),
  })
}

/** Orders of one product each, so that what an order left behind is known by its SKU. */
class OrderDesk {
  readonly #database: AppDatabase
  readonly #api: string
  readonly #apiKey: string
  #next = 0

  private constructor(database: AppDatabase, api: string, apiKey: string) {
    this.#database = database
    this.#api = api
    this.#apiKey = apiKey
  }

  static async open(database: AppDatabase, api: string): Promise<OrderDesk> {
    return new OrderDesk(database, api, await database.addKey('acme', 'customer'))
  }

  async newSku(): Promise<string> {
    const sku = `CUT-${this.#next++}`
    await addProducts(this.#database, 'acme', [{ sku, stock: STOCK }])
    return sku
  }

  /** The SKU is the idempotency key too. */
  order(sku: string, quantity: number): Promise<Reply> {
    return ask(this.#api, 'POST /v1/orders', {
      apiKey: this.#apiKey,
      idempotencyKey: sku,
      body: { lines: [{ sku, quantity }] },
      headers: { 'x-request-id': sku },
    })
  }

  traces(sku: string): Promise<Record<string, number>> {
    return this.#database.row(TRACES, [sku])
  }
}

const TRACES = `WITH ordered AS (SELECT order_id FROM order_lines WHERE sku = $1)
SELECT (SELECT count(*)::int FROM orders WHERE id IN (SELECT order_id FROM ordered)) AS orders,
 (SELECT stock FROM products WHERE sku = $1) AS stock,
 (SELECT count(*)::int FROM holdfast.events
   WHERE payload->'lines'->0->>'sku' = $1) AS events,
 (SELECT count(*)::int FROM holdfast.jobs
   WHERE (payload->>'order_id')::uuid IN (SELECT order_id FROM ordered)) AS jobs,
 (SELECT count(*)::int FROM holdfast.jobs
   WHERE (payload->>'order_id')::uuid NOT IN (SELECT id FROM orders)) AS "jobs of no order",
 (SELECT count(*)::int FROM holdfast.audit_entries
   WHERE request_id = $1 AND operation = 'ordering.place-order') AS audit,
 (SELECT count(*)::int FROM holdfast.idempotency_keys WHERE key = $1) AS keys`

/** What fails names its place. */
async function at(place: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    throw new Error(`Cut ${place}`, { cause: error })
  }
}

const placed = { orders: 1, stock: STOCK - 2, events: 1, jobs: 1, 'jobs of no order': 0, audit: 1 }
const refused = { ...placed, orders: 0, stock: STOCK, events: 0, jobs: 0 }

/** `each`: cut each time that the place is reached as well, until the caller asks again. */
const outcomes = [
  { title: 'an order that is placed', quantity: 2, status: '201', left: placed, each: true },
  {
    title: 'an order that is refused for want of stock',
    quantity: STOCK + 1,
    status: '409 insufficient-stock',
    left: refused,
    each: false,
  },
]

/** Asks again with the same key, as a caller does that got no final answer. */
async function untilAnswered(desk: OrderDesk, sku: string, quantity: number): Promise<Reply> {
  const reply = await desk.order(sku, quantity)
  return reply.status === 503 ? desk.order(sku, quantity) : reply
}

describe('inside a batch', () => {
  const cutter = new Cutter()
  let database: AppDatabase
  let running: RunningApp
  let desk: OrderDesk

  before(async () => {
    database = await AppDatabase.make(app)
    running = await startShop(database.url, cutter)
    desk = await OrderDesk.open(database, running.apiUrl as string)
    await desk.order(await desk.newSku(), 1)
  })
  after(async () => {
    await running.stop()
    await database.drop()
  })

  /** The first request meets the cut, once or each time; the caller's own retry does not. */
  async function cutAt(place: Place, always: boolean, quantity: number): Promise<string> {
    const sku = await desk.newSku()
    cutter.arm(place, always)
    const first = await desk.order(sku, quantity)
    assert.ok(cutter.cuts > 0, 'the place was reached')
    cutter.disarm()
    if (first.status === 503) await desk.order(sku, quantity)
    return sku
  }

  for (const { title, quantity, status, left, each } of outcomes) {
    test(`${title}, cut at each statement`, async () => {
      const sku = await desk.newSku()
      const places = await cutter.record(() => desk.order(sku, quantity))
      assert.ok(places.length >= 16 && places.at(-1)?.text === 'COMMIT', 'a run was recorded')
      for (const place of places) {
        for (const always of each ? [false, true] : [false]) {
          await at(`${describePlace(place)}${always ? ', each time' : ''}`, async () => {
            const cut = await cutAt(place, always, quantity)
            const answer = await desk.order(cut, quantity)
            assert.equal(outcome(answer), status)
            assert.equal(answer.headers.get('idempotency-replayed'), 'true')
            assert.deepEqual(await desk.traces(cut), { ...left, keys: 1 })
          })
        }
      }
    })
  }

  test('a replay, cut at each statement, gives the same bytes', async () => {
    const sku = await desk.newSku()
    const first = await desk.order(sku, 2)
    const places = await cutter.record(() => desk.order(sku, 2))
    assert.ok(places.length >= 4, 'a replay was recorded')
    for (const place of places) {
      await at(describePlace(place), async () => {
        cutter.arm(place, false)
        const again = await untilAnswered(desk, sku, 2)
        assert.equal(cutter.cuts, 1)
        cutter.disarm()
        assert.equal(again.text, first.text)
        assert.deepEqual(await desk.traces(sku), { ...placed, keys: 1 })
      })
    }
  })
})

describe('between the app and the server', () => {
  let database: AppDatabase
  let proxy: TcpProxy
  let running: RunningApp
  let desk: OrderDesk

  before(async () => {
    database = await AppDatabase.make(app)
    proxy = await TcpProxy.start(database.url)
    running = await startShop(proxy.url)
    desk = await OrderDesk.open(database, running.apiUrl as string)
    await desk.order(await desk.newSku(), 1)
  })
  after(async () => {
    await running.stop()
    await proxy.close()
    await database.drop()
  })

  /** Other trips (the authenticator, the limiter) do not name the product. */
  async function countTrips(quantity: number): Promise<number> {
    const sku = await desk.newSku()
    let trips = 0
    const matches = (trip: Buffer) => {
      if (trip.includes(sku)) trips++
      return false
    }
    void proxy.cutTrip('unsent', { matches })
    await desk.order(sku, quantity)
    return trips
  }

  for (const { title, quantity, status, left } of outcomes) {
    test(`${title}, cut at each round trip`, async () => {
      const trips = await countTrips(quantity)
      assert.ok(trips >= 2, `${trips} trips name the product`)
      for (const kind of ['unsent', 'unanswered'] as const) {
        for (let skip = 0; skip < trips; skip++) {
          await at(`${kind}, trip ${skip + 1} of ${trips}`, async () => {
            const sku = await desk.newSku()
            const struck = proxy.cutTrip(kind, { skip, matches: (trip) => trip.includes(sku) })
            const first = await untilAnswered(desk, sku, quantity)
            await struck
            assert.equal(outcome(first), status)
            assert.equal((await desk.order(sku, quantity)).text, first.text)
            assert.deepEqual(await desk.traces(sku), { ...left, keys: 1 })
          })
        }
      }
    })
  }
})

describe('a command without a key: found out by the id of its transaction', () => {
  const cutter = new Cutter()
  let bench: TallyBench
  let apiKey: string
  let names = 0

  before(async () => {
    bench = await tallyBench({ step: cutter.step })
    apiKey = await bench.newKey()
    await send('count', newName(), 1)
  })
  after(() => bench.stop())

  const newName = () => `tally-${names++}`

  function send(what: string, name: string, amount: number): Promise<Reply> {
    const headers = { 'x-request-id': name }
    return ask(bench.api, `POST /v1/tallies/${name}/${what}`, { apiKey, headers, body: { amount } })
  }

  const done = { total: 5, entries: 1, events: 1, jobs: 1, audit: 1, refusals: 0 }
  const commands = [
    { what: 'count', effect: done },
    { what: 'notes', effect: { ...done, total: 0 } },
  ]
  for (const { what, effect } of commands) {
    test(`${what}, cut at each statement: done once, and the caller is told so`, async () => {
      const places = await cutter.record(() => send(what, newName(), 5))
      assert.ok(places.length >= 12, 'a run was recorded')
      for (const place of places) {
        await at(describePlace(place), async () => {
          const name = newName()
          cutter.arm(place, false)
          const reply = await send(what, name, 5)
          assert.equal(cutter.cuts, 1)
          cutter.disarm()
          assert.equal(outcome(reply), '200')
          assert.deepEqual(await bench.traces(name), effect)
        })
        await at(`${describePlace(place)}, each time`, async () => {
          const name = newName()
          cutter.arm(place, true)
          const reply = await send(what, name, 5)
          cutter.disarm()
          // Only a COMMIT that was executed leaves anything, and then the caller is told.
          const committed = place.text === 'COMMIT' && place.when === 'after'
          assert.equal(outcome(reply), committed ? '200' : '503 unavailable')
          assert.deepEqual(await bench.traces(name), committed ? effect : NO_TRACES)
        })
      }
    })
  }

  test('a refusal, cut at each statement, undoes the work', async () => {
    const places = await cutter.record(() => send('count', newName(), -5))
    for (const place of places) {
      await at(describePlace(place), async () => {
        const name = newName()
        cutter.arm(place, false)
        const reply = await send('count', name, -5)
        cutter.disarm()
        // Nobody can know then whether the refusal was noted in the audit; the work is undone.
        const unknown = place.text === 'COMMIT' && place.when === 'after'
        assert.equal(outcome(reply), unknown ? '503 unavailable' : '409 negative')
        assert.deepEqual(await bench.traces(name), { ...NO_TRACES, refusals: 1 })
      })
    }
  })
})
