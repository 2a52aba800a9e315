import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { checkStatement } from '../../database/check.ts'
import { sql } from '../../database/sql.ts'
import { hasState } from '../../database/sqlstate.ts'
import { type TestApiKeys, testApiKeys } from '../../testing/test-api-keys.ts'
import { createApiKey, listApiKeys, queriesOf, revokeApiKey, rotateApiKey } from './api-key.ts'
import { apiKeyCheck } from './check.ts'
import { apiKeyId } from './key-text.ts'
import { updateLastUsed } from './store.ts'

let keys: TestApiKeys
before(async () => {
  keys = await testApiKeys()
})
after(() => keys[Symbol.asyncDispose]())

const uuidOf = (id: string) => apiKeyId.decode(id) as string
const raises = (state: string) => (error: unknown) => hasState(error, state)
const revoke = (tenant: string, id: string) =>
  keys.inTenant(tenant, (tx) => revokeApiKey(queriesOf(tx), id))
const list = (tenant: string) => keys.inTenant(tenant, (tx) => listApiKeys(queriesOf(tx)))
const use = (tenant: string, id: string) =>
  keys.inTenant(tenant, (tx) => tx.query(sql`SELECT 1`), { apiKeyId: uuidOf(id) })

describe('the table of keys', () => {
  test('takes the tenant and the maker from the context', async () => {
    await keys.create('maker-tenant', { name: 'first', roles: ['merchant'] })
    const [key] = await list('maker-tenant')
    assert.equal(key?.name, 'first')
    assert.equal(key?.createdBy, 'tester')
    assert.deepEqual(key?.roles, ['merchant'])
    assert.equal(key?.revokedAt, null)
    assert.equal(key?.principal, key?.id)
  })

  test('holds no secret, and its text is told once', async () => {
    const issued = await keys.inTenant('a', (tx) =>
      createApiKey(queriesOf(tx), { name: 'canary', environment: 'dev' }),
    )
    const secret = issued.text.reveal().slice(-28)
    for (const shown of [inspect(issued, { depth: 9 }), JSON.stringify(issued), `${issued.text}`]) {
      assert.ok(!shown.includes(secret))
    }
    const [dump] = await keys.pool
      .run([
        { text: `SELECT set_config('role', 'holdfast_backup', true)`, values: [] },
        { text: `SELECT string_agg(k::text, ' ') AS text FROM holdfast.api_keys k`, values: [] },
      ])
      .then((results) => results[1]?.rows ?? [])
    assert.ok(String(dump?.text).includes('canary'))
    assert.ok(!String(dump?.text).includes(secret))
  })

  test('shows no hash to an operation, and lets none choose a tenant', async () => {
    await keys.create('a')
    const attempts = [
      sql`SELECT hash FROM holdfast.api_keys`,
      sql`UPDATE holdfast.api_keys SET tenant = 'b'`,
      sql`UPDATE holdfast.api_keys SET permissions = '{*}'`,
      sql`UPDATE holdfast.api_keys SET hash = ${Buffer.alloc(32)}`,
      sql`DELETE FROM holdfast.api_keys`,
      sql`INSERT INTO holdfast.api_keys (id, tenant, principal, environment, name, hash, roles,
            permissions)
          VALUES (gen_random_uuid(), 'b', gen_random_uuid(), 'dev', 'x', ${Buffer.alloc(32)}, '{}',
            '{*}')`,
    ]
    for (const attempt of attempts) {
      await assert.rejects(
        keys.inTenant('a', (tx) => tx.query(attempt)),
        raises('42501'),
      )
    }
  })

  test('keeps tenants apart: none sees, rotates, revokes or uses the key of another', async () => {
    const foreign = await keys.create('owner')
    assert.deepEqual(
      (await list('stranger')).map((key) => key.id),
      [],
    )
    assert.equal(await revoke('stranger', foreign.id), undefined)
    const rotated = await keys.inTenant('stranger', (tx) => rotateApiKey(queriesOf(tx), foreign.id))
    assert.equal(rotated, undefined)
    await assert.rejects(use('stranger', foreign.id), raises('HF002'))
    await use('owner', foreign.id)
  })

  test('raises without a context: it never means zero rows', async () => {
    const asApp = { text: `SELECT set_config('role', 'holdfast_app', true)`, values: [] }
    const emptied = { text: `SELECT set_config('holdfast.tenant', '', true)`, values: [] }
    const read = { text: 'SELECT id FROM holdfast.api_keys', values: [] }
    const check = checkStatement(apiKeyCheck(uuidOf(apiKeyId.create())))
    for (const statement of [read, check]) {
      await assert.rejects(keys.pool.run([asApp, statement]), raises('HF001'))
      await assert.rejects(keys.pool.run([asApp, emptied, statement]), raises('HF001'))
    }
  })
})

describe('the check in the prelude', () => {
  test('lets a good key pass and raises for an unknown one', async () => {
    const good = await keys.create('a')
    await use('a', good.id)
    await assert.rejects(use('a', apiKeyId.create()), raises('HF002'))
  })

  test('raises from the commit of the revocation on, before any statement of the user', async () => {
    const key = await keys.create('a')
    await use('a', key.id)
    await revoke('a', key.id)
    await assert.rejects(use('a', key.id), raises('HF002'))
    const write = sql`INSERT INTO holdfast.api_keys (id, principal, environment, name, hash, roles,
      permissions) SELECT gen_random_uuid(), gen_random_uuid(), 'dev', 'ghost', decode(repeat('00',
      32), 'hex'), '{}', '{}'`
    const attempt = keys.inTenant('a', (tx) => tx.query(write), { apiKeyId: uuidOf(key.id) })
    await assert.rejects(attempt, raises('HF002'))
    assert.ok((await list('a')).every(({ name }) => name !== 'ghost'))
  })

  test('raises for a key that has expired', async () => {
    const key = await keys.create('a', { expiresAt: '2020-01-01T00:00:00Z' })
    await assert.rejects(use('a', key.id), raises('HF002'))
    const later = await keys.create('a', { expiresAt: '2999-01-01T00:00:00Z' })
    await use('a', later.id)
  })

  test('makes no commands collide: one key, its use noted, other keys made and revoked', async () => {
    await keys.pool.run([{ text: 'CREATE TABLE public.notes (id serial)', values: [] }])
    const key = await keys.create('busy')
    const checked = { apiKeyId: uuidOf(key.id) }
    const retriesBefore = keys.pool.counters.retries
    const command = async () => {
      const insert = sql`INSERT INTO public.notes DEFAULT VALUES`
      await keys.inTenant('busy', (tx) => tx.query(insert), checked)
    }
    const use = [{ id: uuidOf(key.id), agoMs: 0 }]
    const administer = async () => {
      for (let n = 0; n < 10; n++) {
        const other = await keys.inTenant(
          'busy',
          (tx) => createApiKey(queriesOf(tx), { name: 'other', environment: 'dev' }),
          checked,
        )
        await updateLastUsed(keys.pool, use)
        await keys.inTenant('busy', (tx) => revokeApiKey(queriesOf(tx), other.key.id), checked)
      }
    }
    await Promise.all([administer(), ...Array.from({ length: 100 }, command)])
    assert.equal(keys.pool.counters.retries, retriesBefore)
  })
})

describe('the life of a key', () => {
  test('a rotated key hands on its principal and its grants, and ends after the overlap', async () => {
    const old = await keys.create('rotating', { roles: ['merchant'], permissions: ['x:y'] })
    const heir = await keys.inTenant('rotating', (tx) => rotateApiKey(queriesOf(tx), old.id))
    assert.equal(heir?.key.principal, old.principal)
    assert.notEqual(heir?.key.id, old.id)
    assert.deepEqual([heir?.key.roles, heir?.key.permissions], [['merchant'], ['x:y']])
    assert.equal(heir?.key.expiresAt, null)
    await use('rotating', old.id)
    const ended = (await list('rotating')).find(({ id }) => id === old.id)
    assert.ok(ended?.expiresAt)
  })

  test('without an overlap the old key ends at once, and cannot be rotated again', async () => {
    const old = await keys.create('rotating')
    const rotate = (overlapMs: number) =>
      keys.inTenant('rotating', (tx) => rotateApiKey(queriesOf(tx), old.id, { overlapMs }))
    assert.ok(await rotate(0))
    await assert.rejects(use('rotating', old.id), raises('HF002'))
    assert.equal(await rotate(0), undefined)
  })

  test('a key with an end hands on the length of its life, not its end, and never more', async () => {
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString()
    const old = await keys.create('rotating', { expiresAt: inAnHour })
    const heir = await keys.inTenant('rotating', (tx) => rotateApiKey(queriesOf(tx), old.id))
    const lifeMs = Date.parse(heir?.key.expiresAt ?? '') - Date.parse(heir?.key.createdAt ?? '')
    assert.ok(Math.abs(lifeMs - 3_600_000) < 10_000)
    const ended = (await list('rotating')).find(({ id }) => id === old.id)
    assert.ok(Date.parse(ended?.expiresAt ?? '') <= Date.parse(inAnHour))
  })

  test('a revoked key stays revoked, at the time of the first revocation', async () => {
    const key = await keys.create('a')
    const first = await revoke('a', key.id)
    const second = await revoke('a', key.id)
    assert.ok(first?.revokedAt)
    assert.equal(second?.revokedAt, first.revokedAt)
    const rotated = await keys.inTenant('a', (tx) => rotateApiKey(queriesOf(tx), key.id))
    assert.equal(rotated, undefined)
  })

  test('a list goes from new to old, page by page', async () => {
    const made: string[] = []
    for (let n = 0; n < 5; n++) made.push((await keys.create('paged')).id)
    const seen: string[] = []
    for (;;) {
      const last = seen.at(-1)
      const options = last === undefined ? { limit: 2 } : { limit: 2, before: last }
      const page = await keys.inTenant('paged', (tx) => listApiKeys(queriesOf(tx), options))
      if (page.length === 0) break
      seen.push(...page.map(({ id }) => id))
    }
    assert.deepEqual(seen, made.toReversed())
  })

  test('wrong options are named before anything is sent', async () => {
    const nowhere = { query: () => assert.fail('must not be asked') }
    const refused = { code: 'HF_OPTION_INVALID' }
    const name = 'n'
    const environment = 'dev'
    await assert.rejects(createApiKey(nowhere, { name: '', environment }), refused)
    await assert.rejects(createApiKey(nowhere, { name, environment: 'Live_1' }), refused)
    await assert.rejects(createApiKey(nowhere, { name, environment, roles: [''] }), refused)
    const misspelt = { name, environment, role: ['x'] } as never
    await assert.rejects(createApiKey(nowhere, misspelt), refused)
    await assert.rejects(listApiKeys(nowhere, { limit: 101 }), refused)
    await assert.rejects(listApiKeys(nowhere, { before: 'x' }), refused)
    await assert.rejects(rotateApiKey(nowhere, apiKeyId.create(), { overlapMs: -1 }), refused)
    assert.equal(await revokeApiKey(nowhere, 'no id'), undefined)
  })
})
