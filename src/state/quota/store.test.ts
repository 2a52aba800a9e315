import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../base/clock.ts'
import { migrate } from '../../database/migrate/migrate.ts'
import { databaseSource } from '../../database/migrate/source.ts'
import { Pool } from '../../database/pool.ts'
import type { Row, Statement } from '../../database/statement.ts'
import { silentLog } from '../../runtime/log.ts'
import { type TestDatabase, testDatabase } from '../../testing/test-database.ts'
import { type Ask, grant } from './gcra.ts'
import { createLimiter, type Limiter, type LimitPolicy } from './quota.ts'
import { deleteFull } from './store.ts'

let database: TestDatabase
let pool: Pool
before(async () => {
  database = await testDatabase()
  const directory = new URL('./migrations/', import.meta.url)
  await migrate({
    url: database.url,
    sources: [databaseSource, { name: 'holdfast/quota', directory }],
  })
  pool = new Pool({ url: database.url, connectionsMax: 4 })
})
after(async () => {
  await pool.close()
  await database.drop()
})

const role = (name: string): Statement => ({
  text: `SELECT set_config('role', $1, true), set_config('holdfast.tenant', 'a', true)`,
  values: [name],
})

async function asLoops(text: string, values: readonly unknown[] = []): Promise<Row[]> {
  return (await pool.run([role('holdfast_loops'), { text, values }]))[1]?.rows ?? []
}

const LEASE = `SELECT * FROM holdfast.lease_quotas($1, $2, $3, $4, $5, $6, $7, $8::float8)`

describe('holdfast.lease_quotas', () => {
  test('does the arithmetic of gcra.ts', async () => {
    const asks = fc.record({
      debt: fc.integer({ min: 0, max: 3 }),
      need: fc.integer({ min: 0, max: 12 }),
      ahead: fc.integer({ min: 0, max: 12 }),
    })
    const steps = fc.array(fc.record({ gapMs: fc.integer({ min: -50, max: 400 }), ask: asks }), {
      minLength: 1,
      maxLength: 12,
    })
    const rates = fc.record({
      intervalMs: fc.oneof(
        fc.integer({ min: 1, max: 100 }),
        fc.constantFrom(1000 / 7, 1000 / 3, 0.1),
      ),
      burst: fc.integer({ min: 1, max: 30 }),
    })
    let subject = 0
    await fc.assert(
      fc.asyncProperty(rates, steps, async (rate, all) => {
        subject++
        let atMs = 1_700_000_000_000
        let tatMs: number | undefined
        for (const { gapMs, ask } of all) {
          atMs += gapMs
          const expected = grant(rate, tatMs, ask, atMs)
          const writes = expected.granted > 0 || ask.debt > 0
          tatMs = writes ? expected.tatMs : (tatMs ?? atMs)
          const [row] = await lease([`s${subject}`], rate, ask, atMs)
          assert.deepEqual(row, {
            granted: expected.granted,
            tat_ms: expected.tatMs,
            now_ms: expected.nowMs,
          })
        }
      }),
      { numRuns: 60 },
    )
  })

  function lease(
    subjects: readonly string[],
    rate: { intervalMs: number; burst: number },
    ask: Ask,
    atMs: number | null,
  ) {
    const all = (value: unknown) => subjects.map(() => value)
    const values = [
      all('model'),
      subjects,
      all(rate.intervalMs),
      all(rate.burst),
      all(ask.debt),
      all(ask.need),
      all(ask.ahead),
      atMs,
    ]
    return asLoops(LEASE, values)
  }

  test('answers many subjects in the order asked, by one moment of its own clock', async () => {
    const subjects = Array.from({ length: 50 }, (_, n) => `many ${String(n).padStart(2, '0')}`)
    const rate = { intervalMs: 1000, burst: 5 }
    const rows = await lease(subjects, rate, { debt: 0, need: 2, ahead: 0 }, null)
    assert.equal(rows.length, 50)
    assert.equal(new Set(rows.map((row) => row.now_ms)).size, 1)
    assert.ok(rows.every((row) => row.granted === 2))
    assert.ok(Math.abs(Number(rows[0]?.now_ms) - Date.now()) < 60_000)
  })

  test('writes nothing where it grants nothing', async () => {
    const rate = { intervalMs: 60_000, burst: 1 }
    const ask = { debt: 0, need: 1, ahead: 1 }
    const version = async () => {
      const read = `SELECT ctid::text FROM holdfast.quotas WHERE subject = 'full'`
      return (await asLoops(read))[0]?.ctid
    }
    assert.equal((await lease(['full'], rate, ask, null))[0]?.granted, 1)
    const before = await version()
    assert.equal((await lease(['full'], rate, ask, null))[0]?.granted, 0)
    assert.equal(await version(), before)
  })

  test('is for the loops alone', async () => {
    for (const text of [
      'SELECT * FROM holdfast.quotas',
      'DELETE FROM holdfast.quotas',
      `SELECT holdfast.lease_quotas('{p}', '{s}', '{1}', '{1}', '{0}', '{1}', '{0}')`,
    ]) {
      await assert.rejects(pool.run([role('holdfast_app'), { text, values: [] }]), {
        state: '42501',
      })
    }
  })

  test('does not deadlock: many callers, the same subjects', async () => {
    const subjects = Array.from({ length: 40 }, (_, n) => `shared ${String(n).padStart(2, '0')}`)
    const rate = { intervalMs: 1000, burst: 1000 }
    const ask = { debt: 1, need: 1, ahead: 0 }
    const atMs = 1_700_000_000_000
    await Promise.all(Array.from({ length: 40 }, () => lease(subjects, rate, ask, atMs)))
    const rows = await lease(subjects, rate, { debt: 0, need: 0, ahead: 0 }, atMs)
    assert.ok(rows.every((row) => row.tat_ms === atMs + 40 * 2 * 1000))
  })
})

describe('two limiters on one database', () => {
  const processes: { limiter: Limiter; pool: Pool }[] = []
  before(() => {
    for (let n = 0; n < 2; n++) {
      const own = new Pool({ url: database.url, connectionsMax: 1 })
      const limiter = createLimiter({ pool: own, clock: systemClock, log: silentLog })
      for (const loop of limiter.loops) loop.start()
      processes.push({ limiter, pool: own })
    }
  })
  after(async () => {
    for (const { limiter, pool: own } of processes) {
      await Promise.all(limiter.loops.map((loop) => loop.stop()))
      await own.close()
    }
  })

  /** Asks both, round by round, until the time by the database's clock is over. */
  async function flood(
    policy: LimitPolicy,
    rounds: number,
  ): Promise<{ passed: number; ms: number }> {
    const startMs = await databaseMs()
    let passed = 0
    for (let round = 0; round < rounds; round++) {
      const asked = processes.flatMap(({ limiter }) =>
        Array.from({ length: 25 }, () => limiter.check(policy, 'a/key_1')),
      )
      for (const decision of await Promise.all(asked)) if (decision.allowed) passed++
      await new Promise(setImmediate)
    }
    return { passed, ms: (await databaseMs()) - startMs }
  }

  async function databaseMs(): Promise<number> {
    const [row] = await asLoops('SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms')
    return Number(row?.ms)
  }

  const policy = (name: string, burst: number, exact: boolean): LimitPolicy => ({
    name,
    rate: { count: 100, windowMs: 1000 },
    burst,
    exact,
  })

  test('leased, they never pass more than the quota together, and use it up', async () => {
    const { passed, ms } = await flood(policy('leased', 100, false), 40)
    assert.ok(passed <= 100 + Math.floor(ms / 10) + 2, `${passed} passed in ${ms} ms`)
    assert.ok(passed >= 90, `${passed} passed in ${ms} ms`)
  })

  test('small bursts too, and without the one ahead per process', async () => {
    const { passed, ms } = await flood(policy('small', 5, false), 40)
    assert.ok(passed <= 5 + Math.floor(ms / 10), `${passed} passed in ${ms} ms`)
    assert.ok(passed >= 5)
  })

  test('exact, they never pass more than the quota together, and use it up', async () => {
    const { passed, ms } = await flood(policy('exact', 50, true), 40)
    assert.ok(passed <= 50 + Math.floor(ms / 10), `${passed} passed in ${ms} ms`)
    assert.ok(passed >= 50)
  })

  test('without a server each goes on alone, and says so', async () => {
    const lost = new Pool({ url: 'postgres://nobody:x@127.0.0.1:1/none' })
    const limiter = createLimiter({ pool: lost, clock: systemClock, log: silentLog })
    for (const loop of limiter.loops) loop.start()
    const asked = Array.from({ length: 30 }, () => limiter.check(policy('lost', 10, false), 's'))
    const decisions = await Promise.all(asked)
    const allowed = decisions.filter((decision) => decision.allowed).length
    assert.ok(allowed >= 10 && allowed <= 10 + 25, `${allowed}`)
    assert.equal(limiter.metrics().away, true)
    await Promise.all(limiter.loops.map((loop) => loop.stop()))
    await lost.close()
  })
})

test('the pruner drops full buckets and no others', async () => {
  await asLoops('DELETE FROM holdfast.quotas')
  const insert = `INSERT INTO holdfast.quotas SELECT 'p', n::text,
    extract(epoch FROM clock_timestamp()) * 1000 + CASE WHEN n <= 25 THEN -1 ELSE 60000 END
    FROM generate_series(1, 40) n`
  await asLoops(insert)
  assert.equal(await deleteFull(pool, 10), 10)
  assert.equal(await deleteFull(pool, 100), 15)
  assert.equal(await deleteFull(pool, 100), 0)
  const [row] = await asLoops('SELECT count(*)::int AS count FROM holdfast.quotas')
  assert.equal(row?.count, 15)
})
