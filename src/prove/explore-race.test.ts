import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { testServer } from '../testing/test-database.ts'
import { Arenas } from './arena/arenas.ts'
import { exploreRace } from './explore-race.ts'
import { type Race, type RaceCommand, type RaceDefinition, race } from './race.ts'
import { verdictText } from './report/verdict-text.ts'
import type { ExploreOptions, Verdict } from './verdict.ts'

async function explore(definition: RaceDefinition | Race, options: ExploreOptions = {}) {
  const made = 'commands' in definition ? definition : race(definition)
  return exploreRace(made, { server: await testServer(), ...options })
}

const accounts = {
  schema: 'CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL)',
  seed: 'INSERT INTO accounts VALUES (1, 100), (2, 100)',
  invariants: { 'no negative balance': 'SELECT * FROM accounts WHERE balance < 0' },
}

function both(command: RaceCommand) {
  return { one: command, two: command }
}

/** Runs statements in one transaction; the work may end early. */
async function transaction<T>(
  db: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
  begin = 'BEGIN',
): Promise<T> {
  const client = await db.connect()
  try {
    await client.query(begin)
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

const READ = 'SELECT balance FROM accounts WHERE id = $1'
const TAKE = 'UPDATE accounts SET balance = balance - $2 WHERE id = $1'

async function checkThenTake(client: pg.PoolClient | pg.Pool, read = READ) {
  const { rows } = await client.query(read, [1])
  if (rows[0].balance < 70) return 'refused'
  await client.query(TAKE, [1, 70])
  return 'done'
}

function classes(verdict: Verdict): string[] {
  return verdict.verdict === 'VIOLATION' ? verdict.findings.map((finding) => finding.class) : []
}

const doubleSpend = {
  ...accounts,
  run: both((db) => transaction(db, (client) => checkThenTake(client))),
}

test('a double spend is found, with the trace that shows it, and replays', async () => {
  const verdict = await explore(doubleSpend)
  assert.equal(verdict.verdict, 'VIOLATION')
  const [finding] = verdict.findings
  assert.equal(finding.class, 'lost-update')
  assert.equal(finding.scope, false)
  assert.equal(finding.preemptions, 1)
  assert.match(finding.message, /"no negative balance" does not hold/)
  assert.ok(finding.evidence.includes('"no negative balance": {"id":1,"balance":-40}'))
  const update = finding.trace.find(({ waitedFor }) => waitedFor.length > 0)
  assert.match(update?.place ?? '', /explore-race\.test\.ts:\d+$/)
  assert.match(finding.fixes[0]?.sql ?? '', /WHERE id = \$1 FOR UPDATE$/)
  const again = await explore(doubleSpend, { replay: finding.replay })
  assert.deepEqual(classes(again), ['lost-update'])
})

const manyRows = {
  ...doubleSpend,
  schema: [
    'CREATE TABLE owners (id int PRIMARY KEY)',
    accounts.schema,
    'CREATE TABLE cards (owner int NOT NULL REFERENCES owners)',
  ],
  seed: [
    'INSERT INTO owners VALUES (1), (2)',
    'INSERT INTO cards VALUES (1), (2), (2)',
    'INSERT INTO accounts VALUES (1, 100), (2, 100), (3, 100)',
  ],
}

test('of the seed, the rows that the violation needs', async () => {
  const verdict = await explore(manyRows, { fewestRows: true })
  assert.equal(verdict.verdict, 'VIOLATION')
  assert.deepEqual(verdict.findings[0].seedRows, ['accounts: {"id": 1, "balance": 100}'])
  const text = verdictText(verdict, { name: 'doubleSpend', cwd: '/' })
  assert.match(text, /needs no more than:\n {6}accounts: \{"id": 1, "balance": 100\}\n/)
})

test('the same of a program that seeds, and other races find all rows again', async (context) => {
  const server = await testServer()
  const arenas = new Arenas(server)
  context.after(() => arenas.close())
  let seeded = 0
  const seed = async (url: string) => {
    seeded += 1
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(manyRows.seed.join(';'))
    await client.end()
  }
  const made = race({ ...manyRows, seed })
  const verdict = await explore(made, { arenas, fewestRows: true })
  assert.equal(verdict.verdict, 'VIOLATION')
  assert.deepEqual(verdict.findings[0].seedRows, ['accounts: {"id": 1, "balance": 100}'])
  const arena = await arenas.open(made)
  assert.deepEqual(await arena.contents(), arena.seed)
  assert.deepEqual([arena.seedRows.length, seeded], [8, 1])
})

test('with the check outside of the transaction it is a matter of scope', async () => {
  const verdict = await explore({ ...accounts, run: both((db) => checkThenTake(db)) })
  assert.equal(verdict.verdict, 'VIOLATION')
  assert.equal(verdict.findings[0].class, 'lost-update')
  assert.equal(verdict.findings[0].scope, true)
})

const fixes: Readonly<Record<string, RaceCommand>> = {
  'the check in the write': (db) =>
    db.query(`${TAKE} AND balance >= $2`, [1, 70]).then(({ rowCount }) => rowCount),
  'a lock on what is read': (db) =>
    transaction(db, (client) => checkThenTake(client, `${READ} FOR UPDATE`)),
  'SERIALIZABLE, run again': async (db) => {
    for (;;)
      try {
        return await transaction(db, checkThenTake, 'BEGIN ISOLATION LEVEL SERIALIZABLE')
      } catch (error) {
        if ((error as { code?: string }).code !== '40001') throw error
      }
  },
}

for (const [name, command] of Object.entries(fixes))
  test(`certified: ${name}`, async () => {
    const verdict = await explore({ ...accounts, run: both(command) })
    assert.equal(verdict.verdict, 'CERTIFIED', JSON.stringify(verdict))
    assert.equal(verdict.preemptions, 'all')
  })

test('the reduction keeps every outcome and leaves most schedules out', async () => {
  const races: RaceDefinition[] = [
    doubleSpend,
    { ...accounts, run: both(fixes['a lock on what is read'] as RaceCommand) },
  ]
  for (const definition of races) {
    const reduced = await explore(definition, { keepGoing: true })
    const exhaustive = await explore(definition, { keepGoing: true, exhaustive: true })
    assert.deepEqual(reduced.outcomes, exhaustive.outcomes)
    assert.ok(reduced.schedules + reduced.pruned <= exhaustive.schedules)
  }
})

test('what is meant to be so is allowed, by class', async () => {
  const verdict = await explore({ ...doubleSpend, allow: ['lost-update'] })
  assert.equal(verdict.verdict, 'CERTIFIED', JSON.stringify(verdict))
})

test('a rule that is broken without any race is a broken rule', async () => {
  const verdict = await explore({
    ...accounts,
    run: {
      one: (db) => db.query(TAKE, [1, 170]),
      two: (db) => db.query(READ, [2]).then(({ rows }) => rows),
    },
  })
  assert.deepEqual(classes(verdict), ['invariant'])
})

test('an invariant is asked between the transactions of one command, too', async () => {
  const verdict = await explore({
    ...accounts,
    invariants: {
      'no money is lost': 'SELECT sum(balance) FROM accounts HAVING sum(balance) <> 200',
    },
    run: {
      one: async (db) => {
        await db.query(TAKE, [1, 10])
        await db.query(TAKE, [2, -10])
      },
      two: (db) => db.query('SELECT 1 FROM accounts').then(() => undefined),
    },
  })
  assert.equal(verdict.verdict, 'VIOLATION')
  assert.match(verdict.findings[0].message, /"no money is lost" does not hold/)
})

test('a bound on preemptions is part of the certificate; other bounds leave it open', async () => {
  const command = fixes['a lock on what is read'] as RaceCommand
  const definition = { ...accounts, run: both(command) }
  const bounded = await explore({ ...definition, preemptionsMax: 1 })
  assert.equal(bounded.verdict, 'CERTIFIED')
  assert.equal(bounded.preemptions, 1)
  const aborted = await explore(definition, { signal: AbortSignal.abort() })
  assert.equal(aborted.verdict, 'INCONCLUSIVE')
  assert.match(aborted.reason, /^Interrupted: 2 schedules ran/)
  const short = await explore(definition, { budgetMs: 0 })
  assert.equal(short.verdict, 'INCONCLUSIVE')
  assert.match(short.reason, /^The budget of 0 ms is used up/)
})

test('an interrupt keeps what was found', async () => {
  const controller = new AbortController()
  const options = {
    keepGoing: true,
    signal: controller.signal,
    onProgress: () => controller.abort(),
  }
  const verdict = await explore(
    { ...accounts, run: both((db) => db.query(TAKE, [1, 70])) },
    options,
  )
  assert.equal(verdict.verdict, 'VIOLATION')
})

test('of three commands the two that race are shown', async () => {
  const { one, two } = doubleSpend.run
  const verdict = await explore({
    ...accounts,
    run: { idle: (db) => db.query(READ, [2]).then(() => 0), one, two },
  })
  assert.equal(verdict.verdict, 'VIOLATION')
  const shown = new Set(verdict.findings[0].trace.map(({ command }) => command))
  assert.deepEqual([...shown].sort(), ['one', 'two'])
})

test('twice the same effect, and one under locks', async () => {
  const paying =
    (begin: boolean): RaceCommand =>
    async (db, { effect }) => {
      const client = await db.connect()
      if (begin) await client.query('BEGIN')
      await client.query(TAKE, [1, 1])
      await effect('charge', { key: 'order-1', amount: 70 })
      if (begin) await client.query('COMMIT')
      client.release()
    }
  assert.deepEqual(classes(await explore({ ...accounts, run: both(paying(false)) })), [
    'double-effect',
  ])
  const held = await explore({
    ...accounts,
    run: { one: paying(true), two: (db) => db.query(READ, [2]).then(() => 0) },
  })
  assert.deepEqual(classes(held), ['effect-in-transaction'])
})

test('a deadlock that reaches the caller, and one on a connection of its own', async () => {
  const taking =
    (first: number, second: number): RaceCommand =>
    (db) =>
      transaction(db, async (client) => {
        await client.query(TAKE, [first, 1])
        await client.query(TAKE, [second, 1])
      })
  const circle = await explore({ ...accounts, run: { one: taking(1, 2), two: taking(2, 1) } })
  assert.deepEqual(classes(circle), ['deadlock'])
  const alone = await explore({
    ...accounts,
    run: {
      one: (db) =>
        transaction(db, async (client) => {
          await client.query(TAKE, [1, 1])
          await db.query(TAKE, [1, 1])
        }),
      two: (db) => db.query(READ, [2]).then(() => 0),
    },
  })
  assert.ok(classes(alone).includes('self-deadlock'), JSON.stringify(alone))
})

test('who is called outside remembers, and the order of the calls matters', async () => {
  const count: RaceCommand = async (_, { call }) => {
    const seen = await call('read', (remembered) => Number(remembered.get('count') ?? 0))
    await call('write', (remembered) => void remembered.set('count', seen + 1))
  }
  const verdict = await explore({ ...accounts, run: both(count) })
  assert.deepEqual(classes(verdict), ['not-serializable'])
  const atOnce: RaceCommand = (_, { call }) =>
    call(
      'count',
      (remembered) => void remembered.set('count', Number(remembered.get('count') ?? 0) + 1),
    )
  assert.equal((await explore({ ...accounts, run: both(atOnce) })).verdict, 'CERTIFIED')
})

test('a call to the outside while locks are held is told', async () => {
  const command: RaceCommand = (db, { call }) =>
    transaction(db, async (client) => {
      await client.query(TAKE, [1, 10])
      await call('charge', () => 'charged')
    })
  const verdict = await explore({
    ...accounts,
    run: { one: command, two: (db) => db.query('SELECT 1') },
  })
  assert.deepEqual(classes(verdict), ['effect-in-transaction'])
})

test('a call under locks that is allowed is the same one, whoever has gone before it', async () => {
  const takeFrom =
    (id: number): RaceCommand =>
    (db, { call }) =>
      transaction(db, async (client) => {
        await client.query(TAKE, [id, 10])
        await call('charge', () => 'charged')
      })
  const run = { one: takeFrom(1), two: takeFrom(2) }
  const verdict = await explore({ ...accounts, run, allow: ['effect-in-transaction'] })
  assert.equal(verdict.verdict, 'CERTIFIED')
})
