/** What stands in the way of a verdict is named; what was found before an end is kept. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { drizzle } from 'drizzle-orm/node-postgres'
import { Kysely, PostgresDialect } from 'kysely'
import { testServer } from '../../testing/test-database.ts'
import { type CrashProgram, crash } from './crash.ts'
import { exploreCrashes } from './explore-crashes.ts'
import type { CrashOptions } from './verdict.ts'

const COUNTER = {
  schema: `CREATE TABLE counters (id int PRIMARY KEY, value int NOT NULL);
    CREATE TABLE keys (key text PRIMARY KEY)`,
  seed: 'INSERT INTO counters VALUES (1, 0)',
}
const ONCE = `WITH claim AS (INSERT INTO keys VALUES ('k') ON CONFLICT DO NOTHING RETURNING 1)
  UPDATE counters SET value = value + 1 WHERE EXISTS (SELECT FROM claim)`

async function explore(boot: () => CrashProgram, options: Omit<CrashOptions, 'server'> = {}) {
  const server = await testServer()
  return exploreCrashes(crash({ ...COUNTER, boot }), { server, ...options })
}

const once = () => ({ request: async (db) => void (await db.query(ONCE)) }) satisfies CrashProgram
const twice = () =>
  ({
    request: (db) => db.query('UPDATE counters SET value = value + 1').then(() => 'done'),
  }) satisfies CrashProgram

async function reasonFor(boot: () => CrashProgram, options?: Omit<CrashOptions, 'server'>) {
  const verdict = await explore(boot, options)
  assert.equal(verdict.verdict, 'INCONCLUSIVE', JSON.stringify(verdict))
  return verdict.reason
}

test('a request that fails by itself', async () => {
  const reason = await reasonFor(() => ({ request: (db) => db.query('SELECT * FROM nothing') }))
  assert.match(reason, /The request fails without any fault: 42P01/)
})

test('a program that does not do the same in each run', async () => {
  let boots = 0
  const reason = await reasonFor(() => {
    const table = boots++ === 1 ? 'keys' : 'counters'
    return { request: (db) => db.query(`SELECT count(*) FROM ${table}`) }
  })
  assert.match(
    reason,
    /It does not do the same in each run: step 1 was "SELECT .* keys" and then "SELECT .* counters"/,
  )
})

describe('an end before the end', () => {
  test('an interrupt', async () => {
    const controller = new AbortController()
    const onProgress = () => controller.abort()
    const reason = await reasonFor(once, { signal: controller.signal, onProgress })
    assert.match(reason, /^Interrupted: 2 runs were made, and \d+ faults are left\.$/)
  })

  test('an interrupt keeps what was found', async () => {
    const controller = new AbortController()
    const onProgress = () => controller.abort()
    const verdict = await explore(twice, {
      signal: controller.signal,
      onProgress,
      keepGoing: true,
    })
    assert.equal(verdict.verdict, 'VIOLATION')
    assert.equal(verdict.findings.length, 1)
  })

  test('a budget that is used up', async () => {
    assert.match(await reasonFor(once, { budgetMs: -1 }), /The budget of -1 ms is used up: 1 runs/)
  })

  test('a step that is not there', async () => {
    assert.match(await reasonFor(once, { replay: '99-unsent' }), /There is no step 99: /)
  })
})

test('every finding stands for itself, once for each step', async () => {
  const verdict = await explore(twice, { keepGoing: true })
  assert.equal(verdict.verdict, 'VIOLATION')
  const steps = verdict.findings.map(({ class: kind, fault }) => `${kind} ${fault?.step}`)
  assert.equal(new Set(steps).size, steps.length)
  assert.equal(verdict.findings[0].fault, undefined)
  for (const { replayed, replay } of verdict.findings) {
    assert.equal(replayed, 3)
    assert.equal((await explore(twice, { replay })).verdict, 'VIOLATION')
  }
})

test('a pool is one to callbacks, to Kysely and to Drizzle', async () => {
  const programs: Readonly<Record<string, CrashProgram>> = {
    callbacks: {
      request: (db) =>
        new Promise((resolve, reject) => {
          db.connect((failed, client, release) => {
            if (client === undefined) return reject(failed)
            client.query(ONCE, (error) => {
              release()
              error ? reject(error) : resolve('done')
            })
          })
        }),
    },
    kysely: {
      async request(db) {
        const kysely = new Kysely<{ keys: { key: string } }>({
          dialect: new PostgresDialect({ pool: db }),
        })
        await kysely
          .insertInto('keys')
          .values({ key: 'k' })
          .onConflict((conflict) => conflict.doNothing())
          .execute()
        return 'done'
      },
    },
    drizzle: {
      request: (db) =>
        drizzle(db)
          .execute(ONCE)
          .then(() => 'done'),
    },
  }
  for (const [name, program] of Object.entries(programs)) {
    const verdict = await explore(() => program)
    assert.equal(verdict.verdict, 'CERTIFIED', `${name}: ${JSON.stringify(verdict)}`)
    assert.ok(verdict.boundaries.length > 0)
  }
})

test('a sample is no certificate, and a way for messages to come can be named', async () => {
  const reason = await reasonFor(once, { faultsMax: 4 })
  assert.match(reason, /^Sampled: 4 of \d+ faults and deliveries were tried/)
  const messages = [
    { key: 'm1', value: 1 },
    { key: 'm2', value: 2 },
  ]
  const last = crash({
    ...COUNTER,
    messages,
    boot: () => ({
      consume: (db, { message }) => db.query('UPDATE counters SET value = $1', [message.value]),
    }),
  })
  const server = await testServer()
  const verdict = await exploreCrashes(last, { server })
  assert.equal(verdict.verdict, 'VIOLATION')
  const [{ deliveries, replay, message }] = verdict.findings
  assert.equal(deliveries, 'm1 comes again behind m2')
  assert.match(message, /^Nothing fails, and m1 comes again behind m2\./)
  assert.equal((await exploreCrashes(last, { server, replay })).verdict, 'VIOLATION')
})

test('a definition is checked when it is made', () => {
  const boot = once
  const cases: [definition: object, message: RegExp][] = [
    [{ ...COUNTER, boot, shema: '' }, /crash: option "shema" is unknown.*schema/],
    [{ ...COUNTER, boot: () => ({}) }, /crash: boot makes nothing that runs/],
    [{ ...COUNTER, boot, messages: [{ key: 'a' }, { key: 'a' }] }, /has two of the key "a"/],
    [{ ...COUNTER, boot, deliveries: { order: 'fifo' } }, /deliveries.order is "fifo"/],
    [{ ...COUNTER, boot, ignore: ['value'] }, /crash: ignore holds "value" and must hold/],
  ]
  for (const [definition, message] of cases)
    assert.throws(() => crash(definition as never), { code: 'HF_OPTION_INVALID', message })
})
