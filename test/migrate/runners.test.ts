import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Client } from 'pg'
import { connect, FRAMEWORK, fault, freshDatabase, moduleOf, run, watching } from './fixture.ts'

/** A file that stops in the middle until this lock is free. */
const GATE = 4711
const gated = `CREATE TABLE gated ();\nSELECT pg_advisory_xact_lock(${GATE});\nCREATE TABLE after_gate ();`

/** Patient with the gate, which is a lock as well. */
const PATIENT = { lockTimeoutMs: 60_000 }

function signal(): { readonly given: Promise<void>; give(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { given: promise, give: () => resolve() }
}

/** Until a runner stands at the gate. Asks again and again: the server has no way to tell. */
async function atGate(client: Client): Promise<void> {
  const waiting = `SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
    WHERE locktype = 'advisory' AND objid = ${GATE} AND NOT granted AND datname = current_database()`
  while ((await client.query(waiting)).rowCount === 0);
}

test('of two runners the second waits, and then finds nothing to do', async (context) => {
  const { url } = await freshDatabase(context)
  const gate = await connect(context, url)
  await gate.query('SELECT pg_advisory_lock($1)', [GATE])
  const module = await moduleOf(context, 'a', { '0001_gated.sql': gated })
  const inFile = signal()
  const waiting = signal()
  const first = run(url, [module], {
    ...PATIENT,
    log: watching((_, fields) => {
      if ('migration' in fields && fields.migration === 'a/0001_gated') inFile.give()
    }),
  })
  await inFile.given
  const second = run(url, [module], {
    log: watching((message, fields) => {
      assert.match(message, /Waiting for another migration runner/)
      assert.match(JSON.stringify(fields), /holdfast migrate/)
      waiting.give()
    }),
  })
  await waiting.given
  await assert.rejects(
    run(url, [module], { runnerWaitMs: 0 }),
    fault('HF_MIGRATION_LOCKED', /process \d+ \(holdfast migrate\)/),
  )
  await gate.query('SELECT pg_advisory_unlock($1)', [GATE])
  assert.deepEqual((await first).applied, [...FRAMEWORK, 'a/0001_gated'])
  assert.deepEqual((await second).applied, [])
  assert.equal((await second).after.current, true)
})

test('a lock that is not to be had is given up and tried again, the whole file anew', async (context) => {
  const { url } = await freshDatabase(context)
  const reader = await connect(context, url)
  const module = await moduleOf(context, 'a', { '0001_a.sql': 'CREATE TABLE a ();' })
  await run(url, [module])
  await module.write({
    '0002_b.sql': 'CREATE TABLE b (); INSERT INTO b DEFAULT VALUES; ALTER TABLE a ADD x int;',
  })
  await reader.query('BEGIN; SELECT * FROM a')
  const tries: object[] = []
  const log = watching((message, fields) => {
    if (!message.startsWith('Lock not available')) return
    tries.push(fields)
    if (tries.length === 2) void reader.query('COMMIT')
  })
  const report = await run(url, [module], { lockTimeoutMs: 20, log })
  assert.deepEqual(report.applied, ['a/0002_b'])
  assert.ok(tries.length >= 2)
  const { rows } = await reader.query('SELECT count(*)::int FROM b')
  assert.deepEqual(rows, [{ count: 1 }])
})

test('the tries are bounded, and the last failure names the statement', async (context) => {
  const { url } = await freshDatabase(context)
  const reader = await connect(context, url)
  const module = await moduleOf(context, 'a', { '0001_a.sql': 'CREATE TABLE a ();' })
  await run(url, [module])
  await module.write({ '0002_b.sql': 'SELECT 1;\nALTER TABLE a ADD x int;' })
  await reader.query('BEGIN; SELECT * FROM a')
  await assert.rejects(
    run(url, [module], { lockTimeoutMs: 10, lockAttemptsMax: 2 }),
    fault('HF_MIGRATION_FAILED', 'line 2', '55P03'),
  )
})

test('options are checked', async (context) => {
  const { url } = await freshDatabase(context)
  await assert.rejects(
    run(url, [], { lockTimeoutMs: 0 }),
    fault('HF_OPTION_INVALID', 'lockTimeoutMs'),
  )
})

test('a session that is ended in the middle of a file leaves nothing of it', async (context) => {
  const { url } = await freshDatabase(context)
  const gate = await connect(context, url)
  await gate.query('SELECT pg_advisory_lock($1)', [GATE])
  const module = await moduleOf(context, 'a', { '0001_gated.sql': gated })
  const running = run(url, [module], PATIENT)
  const failed = assert.rejects(
    running,
    fault('HF_MIGRATION_FAILED', 'a/0001_gated.sql', 'line 2', '57P01'),
  )
  await atGate(gate)
  await gate.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'holdfast migrate' AND datname = current_database()`,
  )
  await failed
  await gate.query('SELECT pg_advisory_unlock($1)', [GATE])
  const { rows } = await gate.query(`SELECT to_regclass('gated') AS gated`)
  assert.deepEqual(rows, [{ gated: null }])
  assert.deepEqual((await run(url, [module])).applied, ['a/0001_gated'])
})

test('a runner that is killed in the middle of a file leaves nothing of it', async (context) => {
  const { url } = await freshDatabase(context)
  const gate = await connect(context, url)
  await gate.query('SELECT pg_advisory_lock($1)', [GATE])
  const module = await moduleOf(context, 'a', { '0001_gated.sql': gated })
  const script = fileURLToPath(new URL('./runner.fixture.ts', import.meta.url))
  const child = spawn(process.execPath, [script, url, module.directory.href], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  context.after(() => child.kill('SIGKILL'))
  await atGate(gate)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const second = run(url, [module], {
    ...PATIENT,
    // The server notices the dead runner only once its statement has ended.
    log: watching((message) => {
      if (message.startsWith('Waiting')) void gate.query('SELECT pg_advisory_unlock($1)', [GATE])
    }),
  })
  assert.deepEqual((await second).applied, ['a/0001_gated'])
  const { rows } = await gate.query('SELECT count(*)::int FROM gated')
  assert.deepEqual(rows, [{ count: 0 }])
})
