import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { after, before, describe, mock, test } from 'node:test'
import { inspect } from 'node:util'
import { type Clock, systemClock } from '../base/clock.ts'
import { uuidv7 } from '../base/id.ts'
import { Pool } from '../database/pool.ts'
import { sql } from '../database/sql.ts'
import { hasState } from '../database/sqlstate.ts'
import { createLog, silentLog } from '../runtime/log.ts'
import { loopSuite } from '../testing/loop-suite.ts'
import { type TestApiKeys, testApiKeys } from '../testing/test-api-keys.ts'
import { queriesOf, revokeApiKey } from './api-key/api-key.ts'
import { apiKeyId, createKeyText } from './api-key/key-text.ts'
import {
  type Authenticated,
  type Authentication,
  type AuthenticatorOptions,
  bearerText,
  createAuthenticator,
} from './authenticate.ts'

let keys: TestApiKeys
before(async () => {
  keys = await testApiKeys()
})
after(() => keys[Symbol.asyncDispose]())

function ownClock(): Clock & { advance(ms: number): void } {
  let nowMs = 1000
  return {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    after: systemClock.after,
    advance(ms) {
      nowMs += ms
    },
  }
}

function authenticator(options: Partial<AuthenticatorOptions> = {}) {
  return createAuthenticator({ pool: keys.pool, clock: ownClock(), log: silentLog, ...options })
}

function passed(outcome: Authentication): Authenticated {
  assert.ok(outcome.ok, `refused: ${inspect(outcome)}`)
  return outcome
}

const reasonOf = (outcome: Authentication) => (outcome.ok ? 'passed' : outcome.reason)

async function roundTrips(work: () => Promise<unknown>): Promise<number> {
  const before = keys.pool.counters.roundTrips
  await work()
  return keys.pool.counters.roundTrips - before
}

/** Same id and environment, another secret, a checksum that fits. */
const otherSecret = (key: { id: string }) => createKeyText('dev', key.id.slice('key_'.length))
const unknownKey = () => createKeyText('dev', uuidv7())

async function revoke(tenant: string, id: string): Promise<void> {
  await keys.inTenant(tenant, (tx) => revokeApiKey(queriesOf(tx), id))
}

describe('a good key', () => {
  test('gives its principal, with tenant, roles and permissions', async () => {
    const key = await keys.create('acme', { roles: ['merchant', 'ghost'], permissions: ['a:b'] })
    const roles = { merchant: ['orders:*', 'a:b'], support: ['*'] }
    const { principal, credential } = passed(await authenticator({ roles }).authenticate(key.text))
    assert.equal(principal.id, key.principal)
    assert.equal(principal.kind, 'api-key')
    assert.equal(principal.tenant, 'acme')
    assert.deepEqual(principal.roles, ['merchant', 'ghost'])
    assert.deepEqual(principal.permissions, ['a:b', 'orders:*'])
    assert.ok(principal.may('orders:write'))
    assert.ok(!principal.may('products:write'))
    assert.deepEqual(credential, { kind: 'api-key', id: apiKeyId.decode(key.id) })
  })

  test('is what the prelude takes', async () => {
    const key = await keys.create('acme')
    const { credential } = passed(await authenticator().authenticate(key.text))
    const read = sql`SELECT holdfast.tenant() AS tenant`
    await keys.inTenant('acme', (tx) => tx.query(read), { apiKeyId: credential.id })
  })

  test('costs one round trip, and none while it is cached', async () => {
    const key = await keys.create('acme')
    const clock = ownClock()
    const { authenticate } = bound(authenticator({ clock }))
    assert.equal(await roundTrips(async () => passed(await authenticate(key.text))), 1)
    clock.advance(29_999)
    assert.equal(await roundTrips(async () => passed(await authenticate(key.text))), 0)
    assert.ok(!(authenticate(key.text) instanceof Promise))
    clock.advance(1)
    assert.equal(await roundTrips(async () => passed(await authenticate(key.text))), 1)
  })

  test('asked for many times at once is looked up once', async () => {
    const key = await keys.create('acme')
    const { authenticate } = bound(authenticator())
    const trips = await roundTrips(async () => {
      const all = await Promise.all(Array.from({ length: 50 }, () => authenticate(key.text)))
      assert.equal(new Set(all.map((outcome) => passed(outcome))).size, 1)
    })
    assert.equal(trips, 1)
  })

  test('and others asked for at once share a statement', async () => {
    const made = await Promise.all(Array.from({ length: 30 }, () => keys.create('acme')))
    const { authenticate } = bound(authenticator())
    const trips = await roundTrips(async () => {
      const all = await Promise.all(made.map((key) => authenticate(key.text)))
      assert.deepEqual(
        all.map((outcome) => passed(outcome).principal.id),
        made.map((key) => key.principal),
      )
    })
    assert.equal(trips, 2)
  })

  test('that expires while it is cached is refused in time', async () => {
    const key = await keys.create('acme', {
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    })
    const clock = ownClock()
    const { authenticate } = bound(authenticator({ clock }))
    passed(await authenticate(key.text))
    const end = { text: `UPDATE holdfast.api_keys SET expires_at = now() WHERE id = $1` }
    await keys.inTenant('acme', (tx) => tx.query({ ...end, values: [apiKeyId.decode(key.id)] }))
    clock.advance(30_000)
    assert.equal(reasonOf(await authenticate(key.text)), 'refused')
  })
})

test('a key that ends within the life of the cache is looked up again when it has ended', async () => {
  const expiresAt = new Date(Date.now() + 10_000).toISOString()
  const key = await keys.create('acme', { expiresAt })
  const clock = ownClock()
  const { authenticate } = bound(authenticator({ clock }))
  passed(await authenticate(key.text))
  clock.advance(10_001)
  assert.equal(await roundTrips(async () => authenticate(key.text)), 1)
})

describe('a refusal', () => {
  test('of what is no key costs no round trip and tells what is wrong', async () => {
    const key = await keys.create('acme')
    const { authenticate } = bound(authenticator({ environment: 'dev' }))
    const wrong = key.text.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
    const trips = await roundTrips(async () => {
      assert.equal(reasonOf(await authenticate(undefined)), 'missing')
      for (const text of [
        '',
        'x',
        wrong,
        key.text.slice(0, -1),
        `${key.text} `,
        `hf_dev_${'0'.repeat(1e6)}`,
      ]) {
        assert.equal(reasonOf(await authenticate(text)), 'malformed')
      }
      assert.equal(reasonOf(await authenticate(createKeyText('live', uuidv7()))), 'environment')
    })
    assert.equal(trips, 0)
  })

  test('never tells an unknown key from a wrong secret, a revoked or an expired key', async () => {
    const good = await keys.create('acme')
    const revoked = await keys.create('acme')
    await revoke('acme', revoked.id)
    const expired = await keys.create('acme', { expiresAt: '2020-01-01T00:00:00Z' })
    const { authenticate } = bound(authenticator())
    const outcomes: Authentication[] = []
    for (const text of [unknownKey(), otherSecret(good), revoked.text, expired.text]) {
      const trips = await roundTrips(async () => outcomes.push(await authenticate(text)))
      assert.equal(trips, 1)
      assert.equal(await roundTrips(async () => authenticate(text)), 0)
    }
    assert.equal(new Set(outcomes).size, 1)
    assert.equal(reasonOf(outcomes[0] as Authentication), 'refused')
    passed(await authenticate(good.text))
  })

  test('does the same comparison for an unknown id as for a wrong secret', async (t) => {
    const good = await keys.create('acme')
    const { authenticate } = bound(authenticator())
    const compare = mock.method(crypto, 'timingSafeEqual')
    syncBuiltinESMExports()
    t.after(() => {
      compare.mock.restore()
      syncBuiltinESMExports()
    })
    const texts = [unknownKey(), otherSecret(good), good.text]
    for (const [index, text] of texts.entries()) {
      await authenticate(text)
      assert.equal(compare.mock.callCount(), index + 1)
      const lengths = compare.mock.calls[index]?.arguments.map((side) => side.byteLength)
      assert.deepEqual(lengths, [32, 32])
    }
  })

  test('is forgotten after a while', async () => {
    const clock = ownClock()
    const { authenticate } = bound(authenticator({ clock }))
    const text = unknownKey()
    await authenticate(text)
    clock.advance(10_000)
    assert.equal(await roundTrips(async () => authenticate(text)), 1)
  })

  test('carries a challenge, and an error code only where a credential was shown', async () => {
    const { authenticate } = bound(authenticator())
    const challenges = [undefined, 'x', unknownKey()].map(async (text) => {
      const outcome = await authenticate(text)
      return outcome.ok ? undefined : outcome.challenge
    })
    const invalid = 'Bearer error="invalid_token"'
    assert.deepEqual(await Promise.all(challenges), ['Bearer', invalid, invalid])
  })
})

describe('a revoked key', () => {
  test('is refused in the prelude at once although it is cached, and then here', async () => {
    const key = await keys.create('acme')
    const gate = authenticator()
    const { credential } = passed(await gate.authenticate(key.text))
    await revoke('acme', key.id)
    assert.ok((await gate.authenticate(key.text)).ok, 'still cached')
    await assert.rejects(
      keys.inTenant('acme', (tx) => tx.query(sql`SELECT 1`), { apiKeyId: credential.id }),
      (error) => hasState(error, 'HF002'),
    )
    gate.forget(credential)
    assert.equal(reasonOf(await gate.authenticate(key.text)), 'refused')
  })

  test('is forgotten alone', async () => {
    const [one, other] = [await keys.create('acme'), await keys.create('acme')]
    const gate = authenticator()
    const { credential } = passed(await gate.authenticate(one.text))
    passed(await gate.authenticate(other.text))
    gate.forget(credential)
    assert.equal(gate.metrics().keysCached, 1)
    assert.equal(await roundTrips(async () => gate.authenticate(other.text)), 0)
  })
})

describe('without a database', () => {
  test('cached keys pass, others reject, nothing is kept of the failure', async () => {
    const [cached, other] = [await keys.create('acme'), await keys.create('acme')]
    let down = false
    const pool = {
      run: (...args: Parameters<Pool['run']>) =>
        down ? Promise.reject(new Error('down')) : keys.pool.run(...args),
    } as unknown as Pool
    const { authenticate } = bound(authenticator({ pool }))
    passed(await authenticate(cached.text))
    down = true
    passed(await authenticate(cached.text))
    const all = await Promise.allSettled([other.text, unknownKey(), other.text].map(authenticate))
    assert.deepEqual(
      all.map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    )
    down = false
    passed(await authenticate(other.text))
  })

  test('a flood of made-up keys holds one connection and a bounded queue', async () => {
    let running = 0
    let runningMax = 0
    const { promise: opened, resolve: open } = Promise.withResolvers<void>()
    const pool = {
      async run() {
        runningMax = Math.max(runningMax, ++running)
        await opened
        running--
        return [{ rows: [] }, { rows: [] }]
      },
    } as unknown as Pool
    const { authenticate } = bound(authenticator({ pool }))
    const asked = Array.from({ length: 1_200 }, async () => authenticate(unknownKey()))
    const outcomes = Promise.allSettled(asked)
    open()
    const rejected = (await outcomes).filter((outcome) => outcome.status === 'rejected')
    assert.equal(runningMax, 1)
    assert.equal(rejected.length, 199)
    assert.ok(rejected.every(({ reason }) => reason.code === 'HF_POOL_EXHAUSTED'))
  })
})

test('what was shown is found in no log, no error and no memory of the authenticator', async () => {
  const lines: string[] = []
  const log = createLog({ level: 'debug', write: (line) => lines.push(line) })
  const good = await keys.create('acme')
  const revoked = await keys.create('acme')
  await revoke('acme', revoked.id)
  const unreachable = new Pool({ url: 'postgres://nobody:x@127.0.0.1:1/none' })
  const shown = [good.text, otherSecret(good), revoked.text, unknownKey(), `${good.text}0`]
  const seen: unknown[] = []
  for (const pool of [keys.pool, unreachable]) {
    const gate = createAuthenticator({ pool, clock: ownClock(), log })
    for (const text of shown) {
      const outcome = await Promise.resolve(gate.authenticate(text)).catch((error) => error)
      if (outcome instanceof Error) log.error({ error: outcome }, 'failed')
      seen.push(outcome, gate)
    }
  }
  await unreachable.close()
  assert.ok(lines.length > 0)
  const told = lines.join() + inspect(seen, { depth: 12, showHidden: true })
  for (const text of shown) {
    assert.ok(!told.includes(text))
    assert.ok(!told.includes(text.slice(-28)))
  }
})

describe('the note of use', () => {
  const lastUsed = async (id: string) => {
    const read = { text: 'SELECT last_used_at FROM holdfast.api_keys WHERE id = $1' }
    const values = [apiKeyId.decode(id)]
    const { rows } = await keys.inTenant('uses', (tx) => tx.query({ ...read, values }))
    return rows[0]?.last_used_at as string | null
  }

  test('is written by the loop, not by the request, and to the minute', async () => {
    const key = await keys.create('uses')
    const clock = ownClock()
    const gate = authenticator({ clock })
    await gate.authenticate(key.text)
    assert.equal(await lastUsed(key.id), null)
    await gate.loop.runOnce()
    const first = await lastUsed(key.id)
    assert.ok(first)
    await gate.authenticate(key.text)
    await gate.loop.runOnce()
    assert.equal(await lastUsed(key.id), first)
    assert.equal(await roundTrips(() => gate.loop.runOnce()), 0)
  })

  test('tells when the key was used, not when that was written down', async () => {
    const key = await keys.create('uses')
    const clock = ownClock()
    const gate = authenticator({ clock })
    await gate.authenticate(key.text)
    clock.advance(600_000)
    await gate.loop.runOnce()
    const agoMs = Date.now() - Date.parse((await lastUsed(key.id)) ?? '')
    assert.ok(agoMs > 590_000 && agoMs < 660_000)
  })

  test('does not wait for a row that is being changed', async () => {
    const key = await keys.create('uses')
    const gate = authenticator()
    await gate.authenticate(key.text)
    await keys.inTenant('uses', async (tx) => {
      await revokeApiKey(queriesOf(tx), key.id)
      await gate.loop.runOnce()
    })
    assert.equal(await lastUsed(key.id), null)
  })

  test('is not lost when the database was away', async () => {
    const key = await keys.create('uses')
    let down = false
    const pool = {
      run: (...args: Parameters<Pool['run']>) =>
        down ? Promise.reject(new Error('down')) : keys.pool.run(...args),
    } as unknown as Pool
    const gate = authenticator({ pool })
    await gate.authenticate(key.text)
    down = true
    await assert.rejects(gate.loop.runOnce(), /down/)
    down = false
    await gate.loop.runOnce()
    assert.ok(await lastUsed(key.id))
  })
})

loopSuite('api-key use recorder', (signals) => ({
  loop: authenticator({ clock: systemClock, signals }).loop,
}))

test('a bearer credential is taken out of its header', () => {
  const cases: [string | undefined, string | undefined][] = [
    [undefined, undefined],
    ['Bearer abc', 'abc'],
    ['bearer  abc ', 'abc'],
    ['BEARER abc', 'abc'],
    ['', ''],
    ['Bearer', ''],
    ['Bearer ', ''],
    ['Bearer a b', ''],
    ['Basic abc', ''],
    [`Bearer ${'a'.repeat(1e6)}`, ''],
  ]
  for (const [header, text] of cases) assert.equal(bearerText(header), text)
})

function bound(gate: ReturnType<typeof authenticator>) {
  return { authenticate: (text: string | undefined) => gate.authenticate(text) }
}
