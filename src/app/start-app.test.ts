import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { createServer } from 'node:net'
import { json } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { createApiKey, queriesOf, revokeApiKey } from '../access/api-key/api-key.ts'
import { isFault } from '../base/fault.ts'
import { migrate } from '../database/migrate/migrate.ts'
import { Pool } from '../database/pool.ts'
import { holdfast } from '../operation/builder.ts'
import { defineCommand, defineQuery } from '../operation/contract.ts'
import type { LimitOption } from '../operation/limit.ts'
import { anyone, anyPrincipal } from '../operation/rule.ts'
import { loadConfig } from '../runtime/config.ts'
import { appTransaction } from '../testing/state-database.ts'
import { type TestDatabase, testDatabase } from '../testing/test-database.ts'
import { frameworkSources } from './sources.ts'
import { startApp } from './start-app.ts'

let database: TestDatabase
before(async () => {
  database = await testDatabase()
  await migrate({ url: database.url, sources: frameworkSources() })
})
after(() => database.drop())

const config = (facts: Record<string, string> = {}) =>
  loadConfig({
    HOLDFAST_ENV: 'test',
    DATABASE_URL: database.url,
    PORT: '0',
    ADMIN_PORT: '0',
    LOG_LEVEL: 'silent',
    ...facts,
  })

const Result = z.object({ ok: z.boolean() })
const Ping = defineQuery({
  name: 'small.ping',
  http: 'GET /ping',
  input: z.object({}),
  output: Result,
})
const Touch = defineCommand({
  name: 'small.touch',
  http: 'POST /touch',
  input: z.object({}),
  output: Result,
})

const SignUp = defineCommand({
  name: 'open.sign-up',
  http: 'POST /sign-up',
  input: z.object({}),
  output: z.object({ tenant: z.string(), id: z.string() }),
})

/** Lets in whoever comes. */
function openApp() {
  const builder = holdfast<{ db: object }>()
  const open = {
    module: builder.defineModule({ name: 'open' }),
    signUp: builder.handle(SignUp, {
      allow: anyone,
      run: ({ scope, tx }) => ({ tenant: scope.tenant, id: tx.id() }),
    }),
  }
  return builder.defineApp({ modules: [open] })
}

/** Which services are running. */
const running = new Set<string>()

function appWith(limit?: LimitOption) {
  const builder = holdfast<{ db: object; services: { mail: string } }>()
  const options = { allow: anyPrincipal, run: () => ({ ok: true }), ...(limit && { limit }) }
  const mail = {
    start: () => {
      running.add('mail')
      return 'mail'
    },
    stop: () => {
      running.delete('mail')
    },
  }
  const small = {
    module: builder.defineModule({ name: 'small', services: { mail } }),
    ping: builder.handle(Ping, options),
    touch: builder.handle(Touch, options),
  }
  return builder.defineApp({ modules: [small] })
}

test('a limit that cannot be kept is told at start, and nothing is left running', async () => {
  const limit = { rate: '1000000/s', per: 'tenant' } as const
  await assert.rejects(startApp(appWith(limit), { config: config() }), (error) => {
    assert.ok(isFault(error, 'HF_OPTION_INVALID'))
    assert.match(error.message, /small\.ping/)
    return true
  })
  assert.deepEqual([...running], [])
})

test('a port that is taken ends the start, services included', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  await assert.rejects(startApp(appWith(), { config: config({ PORT: String(port) }) }))
  taken.close()
  assert.deepEqual([...running], [])
})

test('a key that is revoked is refused from the first transaction on, also where none is opened', async () => {
  const app = await startApp(appWith(), { config: config() })
  const pool = new Pool({ url: database.url, connectionsMax: 1 })
  const { key, text } = await appTransaction(pool, 'acme', (tx) =>
    createApiKey(queriesOf(tx), { name: 'test', environment: 'dev' }),
  )
  const ask = async (method: string, path: string) => {
    const { status } = await fetch(app.apiUrl + path, {
      method,
      headers: { authorization: `Bearer ${text.reveal()}`, 'idempotency-key': randomUUID() },
    })
    return status
  }
  assert.deepEqual([await ask('GET', '/ping'), await ask('POST', '/touch')], [200, 200])
  await appTransaction(pool, 'acme', (tx) => revokeApiKey(queriesOf(tx), key.id))
  assert.equal(await ask('POST', '/touch'), 401)
  assert.equal(await ask('GET', '/ping'), 401)
  await pool.close()
  await app.stop()
  assert.deepEqual([...running], [])
})

test('a command for anyone needs to be told whose it is, and the app does not start before', async () => {
  await assert.rejects(startApp(openApp(), { config: config() }), (error) => {
    assert.ok(isFault(error, 'HF_APP_INVALID'))
    assert.match(error.message, /^HF_APP_INVALID: open\.sign-up: .*anonymousTenant/)
    return true
  })
})

test('whoever shows no credential belongs to the tenant that the app says, and is answered once', async () => {
  await using cleanup = new AsyncDisposableStack()
  const sites: Readonly<Record<string, string>> = { 'acme.example': 'acme' }
  const app = await startApp(openApp(), {
    config: config(),
    anonymousTenant: ({ host }) => sites[host],
  })
  cleanup.defer(() => app.stop())
  const ask = async (host: string, key: string) => {
    // fetch chooses the host itself.
    const headers = { host, 'idempotency-key': key }
    const sent = request(`${app.apiUrl}/sign-up`, { method: 'POST', headers }).end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    return { status: response.statusCode, body: (await json(response)) as Record<string, unknown> }
  }
  const key = randomUUID()
  const first = await ask('acme.example', key)
  assert.deepEqual([first.status, first.body.tenant], [200, 'acme'])
  assert.deepEqual(await ask('Acme.example:8080', key), first)
  const none = await ask('evil.example', key)
  assert.deepEqual([none.status, none.body.code], [401, 'unauthenticated'])
  const pool = new Pool({ url: database.url, connectionsMax: 1 })
  cleanup.defer(() => pool.close())
  const entries = await appTransaction(pool, 'acme', (tx) =>
    tx.query({
      text: `SELECT actor FROM holdfast.audit_entries WHERE operation = 'open.sign-up'`,
      values: [],
    }),
  )
  assert.deepEqual(entries.rows, [{ actor: 'anonymous' }])
})
