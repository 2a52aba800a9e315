/** What stands in the way of a verdict is named, with the place in the user's code. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import pg from 'pg'
import { testDatabase, testServer } from '../testing/test-database.ts'
import { exploreRace } from './explore-race.ts'
import { type RaceCommand, race } from './race.ts'

const counter = {
  schema: 'CREATE TABLE counters (id int PRIMARY KEY, value int NOT NULL)',
  seed: 'INSERT INTO counters VALUES (1, 0)',
}
const add: RaceCommand = (db) => db.query('UPDATE counters SET value = value + 1 WHERE id = 1')

async function reasonFor(one: RaceCommand): Promise<string> {
  const verdict = await exploreRace(race({ ...counter, run: { one, two: add } }), {
    server: await testServer(),
  })
  assert.equal(verdict.verdict, 'INCONCLUSIVE')
  return verdict.reason
}

let calls = 0
let late = 0

describe('inconclusive', { concurrency: true }, () => {
  const never = new Promise(() => {})
  const cases: Readonly<Record<string, [command: RaceCommand, reason: RegExp]>> = {
    'a command that does not reach its database': [
      () => Promise.reject(new TypeError('pool is undefined')),
      /^one sends nothing to its database: TypeError: pool is undefined\. A race is of functions/,
    ],
    'a command that does nothing': [
      async () => 'done',
      /^one sends nothing to its database\. A race is of functions that use the pool/,
    ],
    'a statement that the schema does not fit': [
      async (db) => {
        await db.query('UPDATE countres SET value = 1')
      },
      /^one fails on the seed at .*bad-input\.test\.ts:\d+: .*countres.* Correct the statement, or the schema/,
    ],
    'a file': [
      async (db) => {
        await readFile(import.meta.filename)
        await db.query('SELECT 1')
      },
      /one waits for a file at .*bad-input\.test\.ts:\d+\. Read it before the race/,
    ],
    'a call to the outside': [
      async (db) => {
        await db.query('SELECT 1')
        await fetch('http://payments.invalid/charge').catch(() => {})
      },
      /one calls payments\.invalid at .*bad-input\.test\.ts:\d+\. Hand that in/,
    ],
    'something that never comes': [
      async (db) => {
        await db.query('SELECT 1')
        await never
      },
      /one waits for something that is no message to its database .* behind .*bad-input\.test\.ts:\d+/,
    ],
    'another statement in each run': [
      (db) => {
        calls += 1
        return db.query(`SELECT ${calls}`)
      },
      /Two equal runs sent different statements: SELECT \d+ and SELECT \d+\./,
    ],
    'another statement later on': [
      async (db) => {
        late += 1
        const text = late < 5 ? 'SELECT value FROM counters' : 'SELECT id FROM counters'
        await db.query(text)
        await db.query(text)
      },
      /The same schedule ran differently: SELECT id .* was sent instead of SELECT value/,
    ],
    'a random column': [
      (db) => db.query('UPDATE counters SET value = (random() * 1000000)::int'),
      /Two equal runs had different outcomes, in public\.counters\. Name the columns/,
    ],
    'a loop without an end': [
      async (db) => {
        for (;;) await db.query('SELECT 1')
      },
      /one does not end: it has sent \d+ messages/,
    ],
  }
  for (const [name, [command, reason]] of Object.entries(cases))
    test(name, async () => assert.match(await reasonFor(command), reason))

  test('a seed that breaks its own invariant', async () => {
    const invariants = { 'never zero': 'SELECT * FROM counters WHERE value = 0' }
    const verdict = await exploreRace(
      race({ ...counter, invariants, run: { one: add, two: add } }),
      {
        server: await testServer(),
      },
    )
    assert.equal(verdict.verdict, 'INCONCLUSIVE')
    assert.match(verdict.reason, /The seed breaks the invariant "never zero": \{"id":1,"value":0\}/)
  })
})

test('time, random values and timers of a command are the same in every run', async () => {
  const seen: unknown[] = []
  const command: RaceCommand = async (db) => {
    const began = Date.now()
    await new Promise((passed) => setTimeout(passed, 60_000))
    seen.push([
      began,
      Date.now() - began,
      new Date().toISOString(),
      randomInt(1_000_000),
      crypto.randomUUID(),
    ])
    await db.query('SELECT value FROM counters')
  }
  const before = Date.now()
  const verdict = await exploreRace(race({ ...counter, run: { one: command, two: add } }), {
    server: await testServer(),
  })
  assert.equal(verdict.verdict, 'CERTIFIED')
  assert.ok(seen.length > 3)
  assert.equal(new Set(seen.map((values) => JSON.stringify(values))).size, 1)
  assert.equal((seen[0] as number[])[1], 60_000)
  assert.ok(Date.now() - before < 60_000, 'time does not pass in truth')
  assert.notEqual(randomInt(1_000_000), (seen[0] as number[])[3])
})

test('a role that may not what is needed is told which right is missing', async () => {
  const { adminUrl } = await testServer()
  await using database = await testDatabase()
  const role = `prover_${database.name}`
  const admin = new pg.Client({ connectionString: adminUrl })
  await admin.connect()
  try {
    await admin.query(`CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'secret'`)
    const url = new URL(adminUrl)
    url.username = role
    url.password = 'secret'
    const server = { url: url.href, adminUrl: url.href, owner: role }
    await assert.rejects(
      exploreRace(race({ ...counter, run: { one: add, two: add } }), { server }),
      { code: 'HF_PROVE_PRIVILEGE', message: /GRANT SET ON PARAMETER .*deadlock_timeout/ },
    )
    const left = `SELECT FROM pg_database WHERE datdba = '${role}'::regrole`
    assert.equal((await admin.query(left)).rowCount, 0)
  } finally {
    await admin.query(`DROP ROLE ${role}`)
    await admin.end()
  }
})
