/** Only who has appended events can hold up the log: no other open transaction of the cluster does. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import {
  append,
  drain,
  effectHandler,
  effectsOf,
  eventDatabase,
  newEvent,
  newRelay,
} from '../../src/testing/event-bench.ts'
import type { StateDatabase } from '../../src/testing/state-database.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/test-database.ts'

let database: StateDatabase
let elsewhere: TestDatabase
before(async () => {
  database = await eventDatabase()
  elsewhere = await testDatabase()
})
after(async () => {
  await elsewhere.drop()
  await database.drop()
})

interface Opened {
  readonly title: string
  readonly url: () => string
  readonly statements: readonly string[]
}

const opened: readonly Opened[] = [
  {
    title: 'a writer in another database',
    url: () => elsewhere.url,
    statements: ['BEGIN', 'CREATE TABLE t (n int)', 'INSERT INTO t VALUES (1)'],
  },
  {
    title: 'a writer of other tables in this database',
    url: () => database.url,
    statements: [
      'BEGIN',
      `INSERT INTO public.effects (subscription, position, payload) VALUES ('x', 0, '{}')`,
    ],
  },
  {
    title: 'a reader with an old snapshot',
    url: () => database.url,
    statements: [
      'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY',
      'SELECT count(*) FROM public.effects',
    ],
  },
  {
    title: 'a reader of the events themselves, with a row lock on none',
    url: () => database.url,
    statements: ['BEGIN', 'SET LOCAL ROLE holdfast_loops', 'SELECT count(*) FROM holdfast.events'],
  },
]

for (const [index, { title, url, statements }] of opened.entries()) {
  test(`${title} stalls nothing`, async () => {
    const client = new pg.Client({ connectionString: url() })
    await client.connect()
    for (const statement of statements) await client.query(statement)
    const event = `ledger.changed-${index}`
    const handler = effectHandler(database.pool, `reading.along-${index}`, [event])
    const relay = newRelay(database.pool, [handler])
    await append(database, newEvent(event, 'a', 1), newEvent(event, 'b', 2))
    await drain(relay)
    const seen = await effectsOf(database, handler.name)
    assert.deepEqual(
      seen.map((effect) => effect.payload),
      [1, 2],
    )
    await relay.stop()
    await client.query('ROLLBACK')
    await client.end()
  })
}

test('an appender of another database stalls nothing here', async () => {
  const theirs = await eventDatabase()
  const client = new pg.Client({ connectionString: theirs.url })
  await client.connect()
  await client.query('BEGIN')
  await client.query('SET LOCAL ROLE holdfast_app')
  await client.query(`SELECT set_config('holdfast.tenant', 'acme', true)`)
  await client.query(
    `INSERT INTO holdfast.events (id, name, payload) VALUES (gen_random_uuid(), 'a.b', '{}')`,
  )
  const handler = effectHandler(database.pool, 'reading.here', ['ledger.here'])
  const relay = newRelay(database.pool, [handler])
  await append(database, newEvent('ledger.here', 'a', 1))
  await drain(relay)
  assert.equal((await effectsOf(database, handler.name)).length, 1)
  await relay.stop()
  await client.end()
  await theirs.drop()
})
