import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { isFault } from '../base/fault.ts'
import { WireDatabase } from '../testing/wire-database.ts'
import type { Pool } from './pool.ts'
import { type Reader, readSnapshot, type SnapshotOptions } from './snapshot.ts'
import { sql } from './sql.ts'
import { hasState } from './sqlstate.ts'

let database: WireDatabase
let pool: Pool

before(async () => {
  database = await WireDatabase.make('CREATE TABLE t (id int PRIMARY KEY)')
  pool = database.pool({ connectionsMax: 2 })
})

beforeEach(async () => {
  await database.directly('TRUNCATE t')
  await pool.run([sql`SELECT 1`])
})

after(() => database.drop())

const context = () => [
  sql`SELECT set_config('transaction_read_only', 'on', true), set_config('x.tenant', 'a', true)`,
]
const count = sql<{ count: number }>`SELECT count(*) FROM t`
const tenant = sql<{ tenant: string }>`SELECT current_setting('x.tenant', true) AS tenant`

function read<T>(
  work: (reader: Reader) => Promise<T>,
  options: Partial<SnapshotOptions> = {},
  on: Pool = pool,
): Promise<T> {
  const defaults = {
    deadlineMs: systemClock.monotonicMs() + 60_000,
    context,
    memory: { several: false },
  }
  return readSnapshot(on, { ...defaults, ...options }, work)
}

const insertElsewhere = (id: number) => database.directly(`INSERT INTO t VALUES (${id})`)

test('one statement is one trip, with its context, and leaves nothing of it behind', async () => {
  const one = database.pool({ connectionsMax: 1 })
  await one.run([sql`SELECT 1`])
  const seen = await database.tripsOf(async () => {
    const { rows } = await read((reader) => reader.query(tenant), {}, one)
    assert.deepEqual(rows, [{ tenant: 'a' }])
  })
  assert.equal(seen, 1)
  const [rows] = await one.run([tenant])
  assert.equal(rows?.rows[0]?.tenant || null, null)
})

test('none is none, several of one tick are one trip', async () => {
  assert.equal(await database.tripsOf(() => read(async () => 1)), 0)
  const seen = await database.tripsOf(async () => {
    const all = await read((reader) => Promise.all([reader.query(count), reader.query(tenant)]))
    assert.deepEqual(
      all.map(({ rows }) => rows),
      [[{ count: 0 }], [{ tenant: 'a' }]],
    )
  })
  assert.equal(seen, 1)
})

test('who asks again after the first tick is run again over one snapshot, and remembered', async () => {
  const memory = { several: false }
  let runs = 0
  const work = async (reader: Reader) => {
    runs++
    const first = (await reader.query(count)).rows[0]?.count
    await insertElsewhere(100 + runs)
    const second = (await reader.query(count)).rows[0]?.count
    assert.equal(second, first)
    return first
  }
  assert.equal(await read(work, { memory }), 1)
  assert.deepEqual([runs, memory.several], [2, true])
  assert.equal(await read(work, { memory }), 2)
  assert.equal(runs, 3)
})

test('a handler that swallows the restart is run again all the same', async () => {
  let runs = 0
  const value = await read(async (reader) => {
    runs++
    await reader.query(count)
    return reader.query(count).then(
      () => 'read',
      () => 'swallowed',
    )
  })
  assert.deepEqual([value, runs], ['read', 2])
})

test('statements of one tick see one snapshot', async () => {
  const gate = sql`SELECT pg_sleep(0.05)`
  const { rows } = await read(async (reader) => {
    const asked = Promise.all([reader.query(count), reader.query(gate), reader.query(count)])
    await insertElsewhere(1)
    const [first, , second] = await asked
    return { rows: [first.rows, second.rows] }
  })
  assert.deepEqual(rows[0], rows[1])
})

test('a write is HF_QUERY_WRITES, in the first batch and in a later one', async () => {
  const write = sql`INSERT INTO t VALUES (1)`
  const refused = (error: unknown) => isFault(error, 'HF_QUERY_WRITES')
  await assert.rejects(
    read((reader) => reader.query(write)),
    refused,
  )
  await assert.rejects(
    read(async (reader) => {
      await reader.query(count)
      await reader.query(write)
    }),
    refused,
  )
  const [rows] = await pool.run([count])
  assert.equal(rows?.rows[0]?.count, 0)
})

test('an error passes through, once, and the connection is free again', async () => {
  const one = database.pool({ connectionsMax: 1 })
  for (const several of [false, true]) {
    let runs = 0
    const failing = read(
      async (reader) => {
        runs++
        await reader.query(sql`SELECT 1 / 0`)
      },
      { memory: { several } },
      one,
    )
    await assert.rejects(failing, (error) => hasState(error, '22012'))
    assert.equal(runs, 1)
    await one.run([count])
  }
})

test('a lost connection is tried again; a server that stays away is HF_DATABASE_UNAVAILABLE', async () => {
  for (const kind of ['unsent', 'unanswered'] as const) {
    void database.proxy.cutTrip(kind)
    const { rows } = await read((reader) => reader.query(count))
    assert.deepEqual(rows, [{ count: 0 }])
  }
  void database.proxy.cutTrip('unsent', { times: 100 })
  await assert.rejects(
    read((reader) => reader.query(count)),
    (error) => isFault(error, 'HF_DATABASE_UNAVAILABLE'),
  )
  database.proxy.stopCutting()
  await read((reader) => reader.query(count))
})

test('DDL that changes a result type is not noticed', async () => {
  await database.directly('CREATE TABLE shape (a int)', 'INSERT INTO shape VALUES (1)')
  const all = sql`SELECT a FROM shape`
  await read((reader) => reader.query(all))
  await database.directly('ALTER TABLE shape ALTER a TYPE text')
  assert.deepEqual((await read((reader) => reader.query(all))).rows, [{ a: '1' }])
  await database.directly('DROP TABLE shape')
})

test('a caller that goes away, or a deadline, cancels the running statement', async () => {
  const sleep = sql`SELECT pg_sleep(30)`
  for (const several of [false, true]) {
    const memory = { several }
    const leaving = new AbortController()
    const left = read((reader) => reader.query(sleep), { memory, signal: leaving.signal })
    await running('pg_sleep(30)')
    leaving.abort()
    await assert.rejects(left, (error) => isFault(error, 'HF_CANCELLED'))
    const deadlineMs = systemClock.monotonicMs() + 200
    const late = read((reader) => reader.query(sleep), { memory, deadlineMs })
    await assert.rejects(late, (error) => isFault(error, 'HF_DEADLINE_EXCEEDED'))
  }
})

async function running(call: string): Promise<void> {
  const asker = database.pool({ url: database.database.url, connectionsMax: 1 })
  const question = sql`SELECT FROM pg_stat_activity
    WHERE state = 'active' AND query LIKE ${`%${call}%`} AND pid <> pg_backend_pid()`
  for (;;) {
    const [rows] = await asker.run([question])
    if (rows?.rowCount) return
  }
}

test('too many rows fail the read', async () => {
  const series = sql`SELECT FROM generate_series(1, 5)`.bounded(4)
  await assert.rejects(
    read((reader) => reader.query(series)),
    (error) => isFault(error, 'HF_ROWS_MAX'),
  )
})

test('after its end a reader refuses with HF_SCOPE_CLOSED', async () => {
  const closed = (error: unknown) => isFault(error, 'HF_SCOPE_CLOSED')
  const reader = await read(async (each) => each)
  assert.throws(() => reader.query(count), closed)
})

test('what is not awaited is sent before the end, and its failure not overlooked', async () => {
  const ended = read(async (reader) => {
    reader.query(sql`SELECT 1 / 0`).catch(() => {})
  })
  await assert.rejects(ended, (error) => hasState(error, '22012'))
})

test('one statement at a time: the same results and refusals', async () => {
  const plain = database.pool({ connectionsMax: 1, pipelining: false })
  const { rows } = await read((reader) => reader.query(tenant), {}, plain)
  assert.deepEqual(rows, [{ tenant: 'a' }])
  const both = await read(
    async (reader) => {
      const [first] = await Promise.all([reader.query(count), reader.query(tenant)])
      const again = await reader.query(count)
      return [first.rows, again.rows]
    },
    {},
    plain,
  )
  assert.deepEqual(both, [[{ count: 0 }], [{ count: 0 }]])
  await assert.rejects(
    read((reader) => reader.query(sql`INSERT INTO t VALUES (1)`), {}, plain),
    (error) => isFault(error, 'HF_QUERY_WRITES'),
  )
  await plain.run([sql`INSERT INTO t VALUES (1)`])
})
