/**
 * After a logical dump and restore every subscription goes on where it was, parked events and waiting
 * jobs included; and a restore that has left the sequence out is refused instead of skipping events.
 *
 * The dump is made here as pg_dump makes it, as holdfast_backup in one snapshot: rows as they are, and
 * the last values of sequences. The embedded server has no pg_dump, and another machine may have one
 * that is too old.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import pg from 'pg'
import type { HoldfastError } from '../../src/base/fault.ts'
import { runAsLoops } from '../../src/database/as-loops.ts'
import { parkedEvents } from '../../src/state/event/event.ts'
import {
  append,
  drain,
  effectHandler,
  effectsOf,
  eventDatabase,
  newEvent,
  newRelay,
} from '../../src/testing/event-bench.ts'
import { enqueue, jobHandler, newJob, newWorker, tableRows } from '../../src/testing/job-bench.ts'
import type { StateDatabase } from '../../src/testing/state-database.ts'

const EVENT = 'ledger.changed'
const TABLES = [
  'events',
  'subscriptions',
  'parked_events',
  'jobs',
  'running_jobs',
  'job_history',
  'dead_jobs',
  'job_workers',
]
const SEQUENCES = ['event_position', 'job_lease', 'job_workers_id_seq']

interface Dump {
  readonly tables: ReadonlyMap<string, readonly unknown[]>
  readonly sequences: ReadonlyMap<string, { last_value: string; is_called: boolean }>
  readonly effects: readonly unknown[]
}

async function asBackup(database: StateDatabase): Promise<Dump> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const rowsOf = async (table: string) => {
    const { rows } = await client.query(`SELECT to_jsonb(t) AS row FROM ${table} t`)
    return rows.map(({ row }) => row)
  }
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
  await client.query('SET LOCAL ROLE holdfast_backup')
  const tables = new Map<string, readonly unknown[]>()
  for (const table of TABLES) tables.set(table, await rowsOf(`holdfast.${table}`))
  const effects = await rowsOf('public.effects')
  const sequences = new Map()
  for (const name of SEQUENCES) {
    const { rows } = await client.query(`SELECT last_value, is_called FROM holdfast.${name}`)
    sequences.set(name, rows[0])
  }
  await client.end()
  return { tables, sequences, effects }
}

/** As superuser, as pg_restore is run where tables force row level security. */
async function restoreInto(database: StateDatabase, dump: Dump, sequences: boolean): Promise<void> {
  const client = new pg.Client({ connectionString: database.adminUrl })
  await client.connect()
  const insert = (table: string, rows: readonly unknown[]) =>
    client.query(
      `INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_recordset(NULL::${table}, $1)`,
      [JSON.stringify(rows)],
    )
  for (const [table, rows] of dump.tables) await insert(`holdfast.${table}`, rows)
  await insert('public.effects', dump.effects)
  await client.query(`SELECT setval('public.effects_done_seq', 1000)`)
  for (const [name, { last_value, is_called }] of sequences ? dump.sequences : []) {
    await client.query('SELECT setval($1, $2, $3)', [`holdfast.${name}`, last_value, is_called])
  }
  await client.end()
}

let source: StateDatabase
let target: StateDatabase
before(async () => {
  source = await eventDatabase()
})
after(() => source.drop())
beforeEach(async () => {
  target = await eventDatabase()
})
afterEach(() => target.drop())

const bad = new Set<unknown>(['a2'])
const readerOf = (database: StateDatabase, name: string) =>
  effectHandler(database.pool, name, [EVENT], {
    backoff: { baseMs: 0, capMs: 0 },
    attemptsMax: 2,
    meanwhile: (event) => {
      if (bad.has(event.payload)) throw new Error('not yet')
    },
  })

const event = (payload: string) => newEvent(EVENT, payload[0] as string, payload)

test('subscriptions, parked events and jobs go on where they were', async () => {
  await append(source, event('a1'), event('a2'), event('b1'))
  const ahead = newRelay(source.pool, [readerOf(source, 'ahead.reader')])
  await drain(ahead)
  await drain(ahead)
  await append(source, event('a3'), event('c1'))
  const later = newRelay(source.pool, [readerOf(source, 'later.reader')])
  await later.register()
  await enqueue(source, newJob('restored.job', { key: 'k' }))
  const dump = await asBackup(source)
  assert.equal(dump.tables.get('parked_events')?.length, 1)
  await append(source, event('never-dumped'))
  await Promise.all([ahead.stop(), later.stop()])

  await restoreInto(target, dump, true)
  bad.clear()
  await append(target, event('d1'))
  const relay = newRelay(target.pool, [
    readerOf(target, 'ahead.reader'),
    readerOf(target, 'later.reader'),
  ])
  await freeLeases(target)
  await drain(relay)
  assert.equal(await replayDead(target, 'ahead.reader'), 1)
  await drain(relay)
  const seen = async (name: string) =>
    (await effectsOf(target, name)).map((effect) => effect.payload)
  assert.deepEqual(await seen('ahead.reader'), ['a1', 'b1', 'c1', 'd1', 'a2', 'a3'])
  assert.deepEqual(await seen('later.reader'), ['a1', 'a2', 'b1', 'a3', 'c1', 'd1'])
  await relay.stop()

  const worker = newWorker(target, [jobHandler('restored.job', async () => {})])
  await worker.runOnce()
  assert.equal(worker.counters.done, 1)
  assert.equal((await tableRows(target, 'job_history')).length, 1)
  await worker.stop()
})

test('a restore without the sequence is refused, and says how to mend it', async () => {
  await restoreInto(target, await asBackup(source), false)
  const relay = newRelay(target.pool, [readerOf(target, 'ahead.reader')])
  const behind = await relay.runOnce().catch((error: HoldfastError) => error)
  assert.ok(behind instanceof Error)
  assert.match(behind.message, /HF_EVENT_LOG_BEHIND/)
  const mend = /SELECT setval\('holdfast\.event_position', \d+\)/.exec(behind.message)?.[0]
  await target.pool.run([{ text: mend as string, values: [] }])
  await freeLeases(target)
  await relay.runOnce()
  await relay.stop()
})

/** A lease that was dumped is still a lease, and runs out; this is afterwards. */
async function freeLeases(database: StateDatabase): Promise<void> {
  await runAsLoops(database.pool, {
    text: 'UPDATE holdfast.subscriptions SET lease_until = NULL',
    values: [],
  })
}

function replayDead(database: StateDatabase, subscription: string): Promise<number> {
  return parkedEvents.replay(database.pool, { subscription, dead: true, eventsMax: 10 })
}
