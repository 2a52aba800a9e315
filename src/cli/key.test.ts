import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAuthenticator } from '../access/authenticate.ts'
import { frameworkSources } from '../app/sources.ts'
import { systemClock } from '../base/clock.ts'
import { migrate } from '../database/migrate/migrate.ts'
import { Pool } from '../database/pool.ts'
import { silentLog } from '../runtime/log.ts'
import { testDatabase } from '../testing/test-database.ts'
import { main } from './main.ts'

async function run(line: string, env: Record<string, string> = {}) {
  const out: string[] = []
  const err: string[] = []
  const code = await main(['key', ...line.split(' ')], {
    env,
    cwd: '/',
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}

test('a key made on the command line is one', async () => {
  await using database = await testDatabase()
  await migrate({ url: database.url, sources: frameworkSources() })
  const env = { DATABASE_URL: database.url }
  const made = await run('new acme --permissions notes:*,tags:read --name laptop', env)
  assert.equal(made.code, 0)
  assert.match(made.out, /^hf_dev_[0-9a-f]{32}_\w{28}$/)
  assert.match(made.err, /^key_[0-9a-f]{32} of acme\./)
  assert.ok(!made.err.includes(made.out))

  const pool = new Pool({ url: database.url })
  const authenticator = createAuthenticator({ pool, clock: systemClock, log: silentLog })
  const found = await authenticator.authenticate(made.out)
  assert.ok(found.ok)
  const { principal } = found
  assert.deepEqual(
    [principal.tenant, principal.may('notes:write'), principal.may('tags:write')],
    ['acme', true, false],
  )
  await pool.close()
})

test('in production it says live', async () => {
  await using database = await testDatabase()
  await migrate({ url: database.url, sources: frameworkSources() })
  const env = { DATABASE_URL: database.url, HOLDFAST_ENV: 'production' }
  assert.match((await run('new acme --roles support', env)).out, /^hf_live_/)
})

test('a database without the tables is told so', async () => {
  await using database = await testDatabase()
  const { code, out, err } = await run('new acme --roles x', { DATABASE_URL: database.url })
  assert.deepEqual([code, out], [1, ''])
  assert.match(err, /^HF_MIGRATION_PENDING: Not applied: .*0001_api_keys/)
})

test('misuse exits with 2, before any database is asked', async () => {
  const cases: [line: string, message: RegExp][] = [
    ['new', /<tenant> is missing/],
    ['new acme', /--permissions or --roles is missing/],
    ['new acme --permision x', /did you mean "--permissions"/],
  ]
  for (const [line, message] of cases) {
    const { code, out, err } = await run(line)
    assert.deepEqual([code, out], [2, ''], line)
    assert.match(err, message)
  }
})
