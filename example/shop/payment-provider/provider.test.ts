import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ProviderAdmin } from './provider-admin.ts'
import { newAccounts, ProviderProcess } from './provider-process.ts'

interface Shown {
  readonly id: string
  readonly status: string
  readonly version: number
}

async function provider(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'shop-provider-'))
  const options = { file: join(folder, 'store.db'), accounts: newAccounts(['acme', 'globex']) }
  let running = await ProviderProcess.start(options)
  t.after(async () => {
    await running.stop()
    rmSync(folder, { recursive: true })
  })
  const ask = async (what: string, key: string, body?: unknown, account = 0) => {
    const [method = '', path = ''] = what.split(' ')
    const response = await fetch(running.url + path, {
      method,
      headers: {
        authorization: `Bearer ${options.accounts[account]?.api_key}`,
        ...(key !== '' && { 'idempotency-key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as Shown }
  }
  return {
    ask,
    admin: () => new ProviderAdmin(running.url),
    async killed() {
      await running.kill()
      running = await ProviderProcess.start(options)
    },
  }
}

const body = { reference: 'order 1', source: 'src_card', amount_minor: 500, currency: 'EUR' }

test('what was answered is answered again after a kill, and done once', async (t) => {
  const { ask, admin, killed } = await provider(t)
  const first = await ask('POST /v1/payments', 'k', body)
  assert.deepEqual([first.status, first.body.status, first.body.version], [201, 'authorized', 1])
  const capture = `POST /v1/payments/${first.body.id}/capture`
  const captured = await ask(capture, 'k-capture')
  await killed()
  assert.deepEqual(await ask('POST /v1/payments', 'k', body), first)
  assert.deepEqual(await ask(capture, 'k-capture'), captured)
  assert.equal((await ask('GET /v1/payments?key=k', '')).body.status, 'captured')
  const { payments, ledger } = await admin().state()
  assert.equal(payments.length, 1)
  assert.deepEqual(
    ledger.map(({ kind, amount_minor }) => [kind, amount_minor]),
    [['charge', 500]],
  )
})

test('a key stands for one request, of one account', async (t) => {
  const { ask } = await provider(t)
  const first = await ask('POST /v1/payments', 'k', body)
  assert.equal((await ask('POST /v1/payments', 'k', { ...body, amount_minor: 1 })).status, 422)
  assert.equal((await ask('POST /v1/payments', '', body)).status, 400)
  const other = await ask('POST /v1/payments', 'k', body, 1)
  assert.notEqual(other.body.id, first.body.id)
  assert.equal(
    (await ask(`POST /v1/payments/${first.body.id}/capture`, 'c', undefined, 1)).status,
    404,
  )
  assert.equal((await ask('POST /v1/payments', 'k', body, 2)).status, 401)
})

test('there is one way through the states', async (t) => {
  const { ask } = await provider(t)
  const { body: payment } = await ask('POST /v1/payments', 'k', body)
  const step = async (name: string, key: string) =>
    (await ask(`POST /v1/payments/${payment.id}/${name}`, key)).status
  assert.equal(await step('refund', '1'), 409)
  assert.equal(await step('capture', '2'), 200)
  assert.equal(await step('capture', '3'), 409)
  assert.equal(await step('void', '4'), 409)
  assert.equal(await step('refund', '5'), 200)
  assert.equal(await step('refund', '6'), 409)
  const declined = await ask('POST /v1/payments', 'd', { ...body, source: 'src_declined' })
  assert.deepEqual([declined.status, declined.body.status], [201, 'declined'])
})

test('a fault meets the step it was made for, as often as was said', async (t) => {
  const { ask, admin } = await provider(t)
  await admin().fail({ kind: 'error', step: 'authorize', count: 1 })
  await admin().fail({ kind: 'error-after', step: 'authorize', count: 1 })
  assert.equal((await ask('GET /v1/payments?key=k', '')).status, 404)
  assert.equal((await ask('POST /v1/payments', 'k', body)).status, 500)
  assert.equal((await ask('GET /v1/payments?key=k', '')).status, 404)
  assert.equal((await ask('POST /v1/payments', 'k', body)).status, 500)
  assert.equal((await ask('GET /v1/payments?key=k', '')).status, 200)
  assert.equal((await ask('POST /v1/payments', 'k', body)).status, 201)
})
