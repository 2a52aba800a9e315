/** An app over a pool that is handed in does what the app on the wire does, statement by statement. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import pg from 'pg'
import { sql } from '../../database/sql.ts'
import {
  app,
  entryCount,
  insertEntry,
  Read,
  type ReadContext,
  scripted,
  Tidy,
  TidyOutside,
  tables,
  Write,
  type WriteContext,
  Written,
} from '../../testing/scripted-app.ts'
import { TestOperations } from '../../testing/test-operations.ts'
import { type OpenApp, openApp } from './open-app.ts'
import type { SteppedClient } from './stepped-connections.ts'

/** What happens to the next statement that begins so, besides being noted. */
interface Fault {
  readonly before: string
  readonly act: 'refuse' | 'lose the way' | 'lose the answer'
}

const sent: string[] = []
let fault: Fault | undefined
let operations: TestOperations
let pool: pg.Pool
let opened: OpenApp

before(async () => {
  operations = await TestOperations.start({ app, tables })
  pool = new pg.Pool({ connectionString: operations.url, max: 2 })
  opened = openApp({ app, pool: { connect: async () => watched(await pool.connect()) } })
})
beforeEach(async () => {
  await operations.clear()
  sent.length = 0
  fault = undefined
})
after(async () => {
  await pool.end()
  await operations.stop()
})

function watched(client: pg.PoolClient): SteppedClient {
  return {
    async query(config) {
      sent.push(config.text)
      if (fault === undefined || !config.text.startsWith(fault.before)) return client.query(config)
      const { act } = fault
      fault = undefined
      if (act === 'refuse')
        return client.query(`DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$`)
      if (act === 'lose the answer') await client.query(config)
      throw Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' })
    },
    release: (broken) => client.release(broken),
    getTransactionStatus: () => client.getTransactionStatus(),
  }
}

const asking = (key: string) => ({ tenant: 'acme', key })
const write = (script: (context: WriteContext) => unknown) => scripted<WriteContext>(script)

function firstWords(): string[] {
  return sent.map((text) => text.replace(/^SELECT set_config\('role'.*/s, 'context').slice(0, 26))
}

test('every statement of a command is a message of its own', async () => {
  const input = write(async ({ tx }) => {
    await tx.query(insertEntry(1))
    tx.defer(insertEntry(2))
    tx.emit(Written, { value: 1 })
    tx.enqueue(Tidy, { script: 'none' })
    return { value: 7 }
  })
  const reply = await opened.execute(Write, input, asking('a'))
  assert.deepEqual([reply.status, reply.body], [200, '{"value":7}'])
  assert.equal(sent[0], 'BEGIN ISOLATION LEVEL SERIALIZABLE')
  assert.equal(firstWords()[1], 'context')
  assert.match(sent[2] ?? '', /INSERT INTO holdfast\.idempotency_keys/)
  assert.deepEqual(
    firstWords().slice(3, 5),
    ['INSERT INTO entries (id, n', 'INSERT INTO entries (id, n'],
    'the awaited one and the deferred one',
  )
  assert.equal(sent.at(-1), 'COMMIT')
  assert.deepEqual(await operations.traces(), { entries: 2, keys: 1, audit: 1, events: 1, jobs: 1 })
})

test('a repeated key replays, byte for byte, and runs nothing', async () => {
  const input = write(async ({ tx }) => {
    await tx.query(insertEntry(1))
    return { value: 1 }
  })
  const first = await opened.execute(Write, input, asking('a'))
  const again = await opened.execute(Write, input, asking('a'))
  assert.deepEqual([again.body, again.replayed], [first.body, true])
  const other = await opened.execute(Write, { ...input, value: 2 }, asking('a'))
  assert.equal(other.status, 422)
  assert.equal(await operations.count('entries'), 1)
})

test('errors of the server are told as problems, by constraint', async () => {
  const twice = write(async ({ tx }) => {
    await tx.query(insertEntry(1))
    await tx.query(insertEntry(1))
    return {}
  })
  const reply = await opened.execute(Write, twice, asking('a'))
  assert.equal(reply.status, 409)
  assert.match(reply.body, /"id-taken"/)
  const deferred = write(({ tx }) => {
    tx.defer(insertEntry(1, '', 5))
    tx.defer(insertEntry(2, '', 5))
    return {}
  })
  assert.match((await opened.execute(Write, deferred, asking('b'))).body, /"slot-taken"/)
  assert.deepEqual(await operations.traces(), { entries: 0, keys: 2, audit: 2, events: 0, jobs: 0 })
})

for (const act of ['refuse', 'lose the way', 'lose the answer'] as const)
  for (const before of ['INSERT INTO entries', 'COMMIT'])
    test(`one execution, where the ${before} meets: ${act}`, async () => {
      const input = write(async ({ tx }) => {
        await tx.query(insertEntry(1))
        return { value: 1 }
      })
      fault = { before, act }
      const reply = await opened.execute(Write, input, asking('a'))
      assert.deepEqual([reply.status, reply.body], [200, '{"value":1}'])
      assert.deepEqual(await operations.traces(), {
        entries: 1,
        keys: 1,
        audit: 1,
        events: 0,
        jobs: 0,
      })
    })

test('a query reads what the wire would read: types, arrays of rows, bounds', async () => {
  const types = scripted<ReadContext>(async ({ tx }) => {
    const rows = await tx.query(
      sql`SELECT 9007199254740991::int8 AS big, 1.50::numeric AS price, ARRAY[1,2] AS list,
                 '{"a":1}'::jsonb AS json, timestamptz '2026-01-02 03:04:05.678901+00' AS moment`,
    )
    return { note: JSON.stringify(rows) }
  })
  const { body } = await opened.execute(Read, types, { tenant: 'acme' })
  const { note } = JSON.parse(body) as { note: string }
  assert.deepEqual(JSON.parse(note), [
    {
      big: 9007199254740991,
      price: '1.50',
      list: [1, 2],
      json: { a: 1 },
      moment: '2026-01-02T03:04:05.678901Z',
    },
  ])
  const several = scripted<ReadContext>(async ({ tx }) => {
    await tx.query(entryCount)
    const rows = await tx.query(entryCount)
    return { value: rows[0]?.count }
  })
  assert.equal((await opened.execute(Read, several, { tenant: 'acme' })).body, '{"value":0}')
})

test('events reach subscriptions and jobs run, when they are told to', async () => {
  const ran: string[] = []
  const job = scripted(() => ran.push('job'))
  const outside = scripted(() => ran.push('outside'))
  const input = write(async ({ tx }) => {
    await tx.query(insertEntry(1))
    tx.emit(Written, { value: 9 })
    tx.enqueue(Tidy, job)
    tx.enqueue(TidyOutside, outside)
    return {}
  })
  await opened.execute(Write, input, asking('a'))
  assert.deepEqual(ran, [])
  await opened.settle()
  assert.deepEqual(ran.sort(), ['job', 'outside'])
  assert.equal(await operations.count('entries WHERE id = -9'), 1)
})

test('a fresh app takes over from one that is gone, once time has passed', async () => {
  const ran: string[] = []
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const hanging = scripted(() => {
    if (ran.push('try') > 1) return undefined
    begin()
    return new Promise(() => {})
  })
  const input = write(({ tx }) => {
    tx.enqueue(TidyOutside, hanging)
    return {}
  })
  const lost = openApp({ app, pool })
  await lost.execute(Write, input, asking('a'))
  void lost.workOnce()
  await begun
  const next = openApp({ app, pool })
  await next.settle()
  assert.deepEqual(ran, ['try'])
  await next.letTimePass()
  await next.rescueOnce()
  await next.letTimePass()
  await next.settle()
  assert.deepEqual(ran, ['try', 'try'])
})
