/**
 * One request through four processes: the shop, its payment provider, Postgres and a mail server. The
 * provider's answer to a capture is lost, so that its webhook is what brings the payment to its end.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { app } from '../../example/shop/app.ts'
import {
  newAccounts,
  ProviderProcess,
} from '../../example/shop/payment-provider/provider-process.ts'
import { startSmtpSink } from '../../example/shop/smtp-sink-process.ts'
import { pause, systemClock } from '../../src/base/clock.ts'
import { main } from '../../src/cli/main.ts'
import { AppDatabase } from '../app-database.ts'
import { ShopProcess } from '../shop-process.ts'
import { addProducts } from '../shop-products.ts'

const REQUEST = 'req-pay'
const GUIDE = new URL('../../docs/guides/telemetry.md', import.meta.url)
const POLL_MS = 50

async function processes(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'shop-chain-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const database = await AppDatabase.make(app)
  t.after(() => database.drop())
  const mails = join(folder, 'mail.jsonl')
  const sink = await startSmtpSink(mails)
  t.after(() => sink.stop())
  const accounts = newAccounts(['acme'])
  const provider = await ProviderProcess.start({ file: join(folder, 'provider.db'), accounts })
  t.after(() => provider.stop())
  const shop = await ShopProcess.start({
    ...database.env,
    SMTP_URL: sink.url,
    PAYMENTS_URL: provider.url,
    PAYMENTS_ACCOUNTS: JSON.stringify(accounts),
  })
  t.after(() => shop.stop())
  return { database, provider, shop, mails }
}

async function post(url: string, apiKey: string, body: unknown, headers = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
      ...headers,
    },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  assert.ok(response.ok, text)
  return JSON.parse(text) as { readonly id: string }
}

/** What is done by others is done when the database says so. */
async function until(database: AppDatabase, text: string): Promise<void> {
  while ((await database.rows(text)).length === 0) await pause(systemClock, POLL_MS)
}

async function traced(
  { database, shop }: { readonly database: AppDatabase; readonly shop: ShopProcess },
  requestId: string,
): Promise<string> {
  const out: string[] = []
  const code = await main(['trace', requestId, '--admin', shop.admin], {
    env: { DATABASE_URL: database.url },
    cwd: import.meta.dirname,
    out: (line) => void out.push(line),
    err: assert.fail,
  })
  assert.equal(code, 0)
  return out.join('\n')
}

/** Without what differs from run to run. */
function plainLines(chain: string): string[] {
  return chain
    .replaceAll(/^[\d:.]{12}/gm, 'TIME')
    .replaceAll(/\d+(?:\.\d+)? ms/g, 'N ms')
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
    .replaceAll(/ {2}#\d+/g, '  #N')
    .replaceAll(/key_\w+/g, 'KEY')
    .replaceAll(/attempt \d/g, 'attempt N')
    .replaceAll(/ {2}\[\d\]$/gm, '  [N]')
    .replaceAll(/\d round trips/g, 'N round trips')
    .split('\n')
}

test('one chain from the request by way of a webhook to the mail', {
  timeout: 120_000,
}, async (t) => {
  const running = await processes(t)
  const { database, provider, shop, mails } = running
  await addProducts(database, 'acme', [{ sku: 'THING', stock: 10 }])
  const apiKey = await database.addKey('acme', 'customer')
  await provider.admin.fail({ kind: 'reset-after', step: 'capture', count: 1_000 })
  const lines = [{ sku: 'THING', quantity: 1 }]
  const order = await post(`${shop.api}/v1/orders`, apiKey, { lines })
  const pay = `${shop.api}/v1/orders/${order.id}/pay`
  await post(pay, apiKey, { source: 'src_card' }, { 'x-request-id': REQUEST })
  // Held back until the first reply was noted: which of the two is first would be a matter of luck.
  await until(database, `SELECT FROM payments WHERE status = 'authorized'`)
  await provider.admin.sendWebhooksTo(`${shop.api}/v1/webhooks/payments`)
  for (const done of [
    `name = 'notifications.send-receipt'`,
    `name = 'payments.advance-payment' AND cause = 'payments.note-provider-state'`,
  ])
    await until(database, `SELECT FROM holdfast.job_history WHERE ${done}`)
  while ((await provider.admin.state()).webhooks_waiting > 0) await pause(systemClock, POLL_MS)

  const chain = await traced(running, REQUEST)
  t.diagnostic(chain)
  const [, number] = /job {7}notifications\.send-receipt {2}done.* \[(\d)\]$/m.exec(chain) ?? []
  const [, webhook = ''] = new RegExp(`^\\[${number}\\] request (\\S+)$`, 'm').exec(chain) ?? []
  assert.notEqual(webhook, REQUEST)
  for (const [step, by] of [
    ['request   payments.pay-order  202', ''],
    ['job       payments.advance-payment  done', ''],
    ['call      payment-provider  POST /v1/payments  201', ''],
    ['call      payment-provider  POST /v1/payments/{id}/capture  HF_OUTBOUND_UNREACHABLE', ''],
    ['request   payments.receive-webhook  200', number],
    ['audit     payments.receive-webhook  ok  by payment-provider', number],
    ['event     payments.payment-moved', number],
    ['delivery  notifications.receipt-payments  ok', number],
    ['attempt   notifications.send-receipt  ok', number],
    ['audit     notifications.record-mail  ok  by notifications.send-receipt', number],
  ] as const) {
    const mark = by === '' ? /(?:ms|trips|-\w+)$/ : new RegExp(` \\[${by}\\]$`)
    const found = chain.split('\n').filter((line) => line.includes(step))
    assert.ok(
      found.some((line) => mark.test(line)),
      `${step} ${by}`,
    )
  }
  const receipts = readFileSync(mails, 'utf8')
    .split('\n')
    .filter((line) => line.includes(order.id))
  assert.ok(receipts.length >= 1)

  const fromWebhook = await traced(running, webhook)
  assert.match(fromWebhook, /request {3}payments\.pay-order {2}202.* {2}\[\d\]$/m)
  assert.equal(fromWebhook.split('\n').length, chain.split('\n').length)

  const printed = /```text\n(request req-pay [\s\S]*?)```/.exec(readFileSync(GUIDE, 'utf8'))?.[1]
  const happened = new Set(plainLines(chain))
  const unheard = plainLines(printed?.trim() ?? 'no chain').filter((line) => !happened.has(line))
  assert.deepEqual(unheard, [], 'docs/guides/telemetry.md shows what does not happen')
})
