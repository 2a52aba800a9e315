/**
 * Requests in one process, work in another: what the one has promised the other does, and when one of
 * them is killed the other goes on.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { app } from '../../example/shop/app.ts'
import {
  newAccounts,
  ProviderProcess,
} from '../../example/shop/payment-provider/provider-process.ts'
import { startSmtpSink } from '../../example/shop/smtp-sink-process.ts'
import { noGoneProcess } from '../../src/testing/gone-process.ts'
import { AppDatabase } from '../app-database.ts'
import { ShopProcess } from '../shop-process.ts'
import { addProducts } from '../shop-products.ts'
import { until } from '../until.ts'

const folder = mkdtempSync(join(tmpdir(), 'shop-roles-'))
const mailFile = join(folder, 'mail.jsonl')
const cleanup = new AsyncDisposableStack()

let database: AppDatabase
let settings: Readonly<Record<string, string>>
let key: string

before(async () => {
  cleanup.defer(() => rmSync(folder, { recursive: true }))
  database = await AppDatabase.make(app)
  cleanup.defer(() => database.drop())
  await addProducts(database, 'acme', [{ sku: 'THING', stock: 1_000 }])
  key = await database.addKey('acme', 'customer')
  const sink = await startSmtpSink(mailFile)
  cleanup.defer(() => sink.stop())
  const accounts = newAccounts(['acme'])
  // It is told of no place for webhooks: what becomes of a payment the worker has to hear by itself.
  const provider = await ProviderProcess.start({ file: join(folder, 'provider.db'), accounts })
  cleanup.defer(() => provider.stop())
  settings = {
    ...database.env,
    SMTP_URL: sink.url,
    PAYMENTS_URL: provider.url,
    PAYMENTS_ACCOUNTS: JSON.stringify(accounts),
  }
})
after(() => cleanup.disposeAsync())

async function started(role: 'api' | 'worker'): Promise<ShopProcess> {
  const shop = await ShopProcess.start(settings, role)
  cleanup.defer(() => shop.kill())
  return shop
}

async function ask(shop: ShopProcess, path: string, body: object): Promise<{ id: string }> {
  const response = await fetch(shop.api + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify(body),
  })
  assert.ok(response.ok, `${path}: ${response.status}`)
  return (await response.json()) as { id: string }
}

/** Placed and promised to be paid for: the rest is for the worker. */
async function order(shop: ShopProcess): Promise<string> {
  const lines = [{ sku: 'THING', quantity: 1 }]
  const { id } = await ask(shop, '/v1/orders', { lines, email: 'ada@example.org' })
  await ask(shop, `/v1/orders/${id}/pay`, { source: 'src_card' })
  return id
}

async function payments(status: string): Promise<number> {
  const counted = 'SELECT count(*)::int AS n FROM payments WHERE status = $1'
  return (await database.row<{ n: number }>(counted, [status])).n
}

const paid = (orders: number) =>
  until(`${orders} are paid`, async () => (await payments('captured')) === orders)

/** By cause: a copy of a mail after a crash is the same mail. */
function mails(): ReadonlySet<string> {
  const lines = existsSync(mailFile) ? readFileSync(mailFile, 'utf8').split('\n') : []
  return new Set(lines.filter(Boolean).map((line) => JSON.parse(line).message_id))
}

/** A confirmation and a receipt for each order. */
const mailed = (orders: number) =>
  until(`the mails of ${orders} have come`, async () => mails().size === 2 * orders)

test('one process takes orders, another does the rest; each goes on without the other', {
  skip: noGoneProcess,
}, async () => {
  const [api, worker] = await Promise.all([started('api'), started('worker')])
  assert.equal(worker.api, '', 'a worker does not serve')
  await order(api)
  await paid(1)
  await mailed(1)

  await worker.kill()
  for (let orders = 0; orders < 5; orders++) await order(api)
  assert.equal(await payments('pending'), 5, 'nobody is there to pay')

  const next = await started('worker')
  await paid(6)
  await mailed(6)

  for (let orders = 0; orders < 5; orders++) await order(api)
  await api.kill()
  await paid(11)
  await mailed(11)
  assert.equal(await next.stop(), 0)
  const { dead } = await database.row<{ dead: number }>(
    'SELECT count(*)::int AS dead FROM holdfast.dead_jobs',
  )
  assert.equal(dead, 0)
})

test('a role that there is not is refused with those that there are', async () => {
  const failure = await ShopProcess.start(settings, 'web' as 'api').catch(String)
  assert.match(String(failure), /ended at its start with code 2/)
})
