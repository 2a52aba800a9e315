/**
 * The database is down when the process starts, goes away while it serves, falls silent, is killed;
 * and comes back. The process stays: readiness follows, requests are told 503 without waiting, and
 * everything goes on without a restart, each key once.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { app } from '../../example/shop/app.ts'
import { startSmtpSink } from '../../example/shop/smtp-sink-process.ts'
import { startTestServer } from '../../src/database/embedded/test-server.ts'
import { AppDatabase } from '../app-database.ts'
import { ask, outcome, type Reply } from '../ask.ts'
import { ShopProcess } from '../shop-process.ts'
import { addProducts } from '../shop-products.ts'
import { type TallyBench, tallyBench } from '../tally/tally-bench.ts'
import { until } from '../until.ts'
import { Door } from './door.ts'
import { type Answer, OrderClient } from './order-client.ts'
import { findViolations, waitingRows } from './order-oracle.ts'

async function healthOf(api: string, what: 'live' | 'ready'): Promise<number> {
  const response = await fetch(`${api}/health/${what}`)
  await response.body?.cancel()
  return response.status
}

const untilReady = (api: string) =>
  until('ready', async () => (await healthOf(api, 'ready')) === 200)
const untilUnready = (api: string) =>
  until('not ready', async () => (await healthOf(api, 'ready')) === 503)

/** Up and not ready: it says so, and to everyone who asks for more. */
async function assertAway(api: string, send: () => Promise<Reply>): Promise<void> {
  await untilUnready(api)
  assert.equal(await healthOf(api, 'live'), 200)
  for (const reply of await Promise.all(Array.from({ length: 20 }, send))) {
    assert.equal(outcome(reply), '503 unavailable')
    assert.match(reply.headers.get('content-type') ?? '', /^application\/problem\+json/)
    assert.ok(Number(reply.headers.get('retry-after')) > 0)
  }
}

test('down at start, lost in the middle, back again: without a restart', async (t) => {
  const database = await AppDatabase.make(app)
  t.after(() => database.drop())
  await addProducts(database, 'acme', [{ sku: 'AWAY', stock: 10 }])
  const apiKey = await database.addKey('acme', 'customer')
  const door = await Door.to(database.url)
  t.after(() => door.shut())

  const env = { ...database.env, DATABASE_URL: door.url, SMTP_URL: 'smtp://127.0.0.1:1' }
  const shop = await ShopProcess.start({ ...env, LOG_LEVEL: 'silent' })
  t.after(() => shop.kill())
  const { api } = shop
  const order = (idempotencyKey: string) => {
    const body = { lines: [{ sku: 'AWAY', quantity: 1 }] }
    return ask(api, 'POST /v1/orders', { apiKey, idempotencyKey, body })
  }
  await assertAway(api, () => order('zeroth'))

  await door.open()
  await untilReady(api)
  const placed = await order('first')
  assert.equal(placed.status, 201)

  await door.shut()
  await assertAway(api, () => order('second'))

  await door.open()
  await untilReady(api)
  assert.equal((await order('first')).text, placed.text)
  assert.equal((await order('second')).status, 201)
  assert.equal((await order('second')).headers.get('idempotency-replayed'), 'true')
  assert.equal((await database.rows('SELECT FROM orders')).length, 2)
})

test('a network that swallows everything ends a request soon after its deadline', async (t) => {
  let door: Door | undefined
  let swallow: (text: string, done: boolean) => boolean = () => false
  const bench = await tallyBench({
    step: ({ statement, done }) => {
      if (swallow(statement.text, done)) door?.silence()
    },
    async way(url) {
      door = await Door.to(url)
      await door.open()
      return door.url
    },
  })
  t.after(() => bench.stop())
  t.after(() => door?.shut())
  const apiKey = await bench.newKey()
  await add(bench, apiKey, 'warm', {})

  const places: readonly (readonly [string, (text: string, done: boolean) => boolean])[] = [
    ['opening', (text, done) => text.startsWith('BEGIN') && !done],
    ['commit-lost', (text, done) => text === 'COMMIT' && !done],
    ['commit-answer-lost', (text, done) => text === 'COMMIT' && done],
  ]
  for (const [name, isHere] of places) {
    swallow = isHere
    const reply = await add(bench, apiKey, name, { 'request-timeout': '0.5' })
    assert.ok([503, 504].includes(reply.status), `${name}: ${outcome(reply)}`)
    swallow = () => false
    await door?.open()
    // What was held goes on its way now, COMMIT included; who asks again finds it done, or does it.
    await until(`${name} again`, async () => (await add(bench, apiKey, name, {})).status === 200)
    const done = { total: 1, entries: 1, events: 1, jobs: 1, audit: 1, refusals: 0 }
    assert.deepEqual(await bench.traces(name), done, name)
  }
})

function add(
  bench: TallyBench,
  apiKey: string,
  name: string,
  headers: Readonly<Record<string, string>>,
): Promise<Reply> {
  return ask(bench.api, `POST /v1/tallies/${name}/add`, {
    apiKey,
    idempotencyKey: name,
    body: { amount: 1 },
    headers: { 'x-request-id': name, ...headers },
  })
}

const ORDERS = 240
const CLIENTS = 8
/** Fast shutdown, immediate shutdown, and no shutdown at all (Postgres manual, 18.5). */
const ENDS = ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const

test('a server that ends in the middle of orders, in each of its ways, and starts again', async (t) => {
  // What was committed must be on its way to the disk: the process is killed, not the machine.
  const server = await startTestServer({ settings: { synchronous_commit: 'on' } })
  t.after(() => server.stop())
  const place = { url: server.url(), adminUrl: server.adminUrl(), owner: 'holdfast' }
  const database = await AppDatabase.make(app, { server: place })
  const products = Array.from({ length: 10 }, (_, n) => ({ sku: `END-${n}`, stock: 10_000 }))
  await addProducts(database, 'acme', products)
  const apiKey = await database.addKey('acme', 'customer')
  const { mailFile, smtpUrl } = await startMail(t)
  const shop = await ShopProcess.start({
    ...database.env,
    SMTP_URL: smtpUrl,
    LOG_LEVEL: 'silent',
  })
  t.after(() => shop.kill())

  const answers = new Map<string, Answer>()
  const life = { api: shop.api, cut: 0 }
  const ends = ENDS.map((signal, index) => ({ signal, after: (index + 1) * (ORDERS / 4) }))
  const keep = (answer: Answer, key: string) => {
    const known = answers.get(key)
    assert.ok(known === undefined || known.body === answer.body, `${key} was answered in two ways`)
    answers.set(key, answer)
    if (answers.size === ends[0]?.after)
      process.kill(postmasterOf(server.dataDir), ends.shift()?.signal)
  }
  let next = 0
  const work = async () => {
    const options = { apiKey, life: async () => life, onAnswer: () => {} }
    const client = new OrderClient(options)
    while (next < ORDERS) {
      const key = `end-${next++}`
      const order = { key, lines: [{ sku: `END-${next % 10}`, quantity: 1 }] }
      keep(await client.send(order, 'a'), key)
      keep(await client.send(order, 'b'), key)
    }
    client.close()
  }
  await Promise.all(Array.from({ length: CLIENTS }, work))
  assert.equal(ends.length, 0, 'the server was ended in each way')
  assert.equal(life.cut, 0, 'no connection of a caller was cut')

  await until('all jobs done', async () => {
    await database.asLoops('UPDATE holdfast.jobs SET run_at = clock_timestamp()')
    return Object.values(await waitingRows(database)).every((count) => count === 0)
  })
  await untilReady(shop.api)
  assert.deepEqual(await findViolations({ database, products, answers, mailFile }), [])
})

/** The first line of its pid file (Postgres manual, 69.1). A new one after each start. */
function postmasterOf(dataDir: string): number {
  return Number.parseInt(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8'), 10)
}

async function startMail(t: TestContext): Promise<{ mailFile: string; smtpUrl: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'shop-away-'))
  const mailFile = join(folder, 'mail.jsonl')
  writeFileSync(mailFile, '')
  const sink = await startSmtpSink(mailFile)
  t.after(async () => {
    await sink.stop()
    rmSync(folder, { recursive: true })
  })
  return { mailFile, smtpUrl: sink.url }
}
