import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandLine } from '../../test/command-line.ts'

const RACE = new URL('../prove/race.ts', import.meta.url).href

const RACES = `
import { race } from '${RACE}'

async function spend(db, amount) {
  const { rows } = await db.query('SELECT balance FROM accounts WHERE id = $1', [1])
  if (rows[0].balance < amount) return 'refused'
  await db.query('UPDATE accounts SET balance = balance - $2 WHERE id = $1', [1, amount])
  return 'done'
}
async function spendGuarded(db, amount) {
  const { rowCount } = await db.query(
    'UPDATE accounts SET balance = balance - $2 WHERE id = $1 AND balance >= $2', [1, amount])
  return rowCount === 1 ? 'done' : 'refused'
}
const bank = {
  schema: 'CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL)',
  seed: 'INSERT INTO accounts VALUES (1, 100)',
  invariants: { 'no <negative> balance': 'SELECT * FROM accounts WHERE balance < 0' },
}
export const doubleSpend = race({
  ...bank, run: { breakfast: (db) => spend(db, 70), lunch: (db) => spend(db, 70) },
})
export const guarded = race({
  ...bank, run: { breakfast: (db) => spendGuarded(db, 70), lunch: (db) => spendGuarded(db, 70) },
})
export const bounded = race({ ...doubleSpend, schedulesMax: 1, run: guarded.run })
`

const CRASH = new URL('../prove/crash/crash.ts', import.meta.url).href

const CRASHES = `
import { crash } from '${CRASH}'

const bank = {
  schema: 'CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL); CREATE TABLE keys (key text PRIMARY KEY)',
  seed: 'INSERT INTO accounts VALUES (1, 0)',
}
export const deposit = crash({ ...bank, boot: () => ({
  async request(db) {
    const { rowCount } = await db.query("INSERT INTO keys VALUES ('k<1>') ON CONFLICT DO NOTHING")
    if (rowCount === 1) await db.query('UPDATE accounts SET balance = balance + 10')
    return 'done'
  },
}) })
export const together = crash({ ...bank, boot: () => ({
  async request(db) {
    await db.query("WITH claim AS (INSERT INTO keys VALUES ('k1') ON CONFLICT DO NOTHING RETURNING 1)" +
      ' UPDATE accounts SET balance = balance + 10 WHERE EXISTS (SELECT FROM claim)')
    return 'done'
  },
}) })
`

const raced = { 'races.ts': RACES }
const crashed = { 'crashes.ts': CRASHES }

test('a violation exits with 1, and its trace shows who read what, where and when', async (context) => {
  const { run } = await commandLine(context, raced)
  const { code, out } = await run('prove races.ts --only doubleSpend')
  assert.equal(code, 1)
  assert.match(out, /^VIOLATION {2}doubleSpend: lost update, across transactions/)
  assert.match(out, / {4}breakfast {2,}lunch\n/)
  assert.match(
    out,
    /SELECT balance FROM accounts WHERE id = 1\n {7}races\.ts:5\n {7}-> \{"balance":100\}/,
  )
  assert.match(out, /! "no <negative> balance": \{"id":1,"balance":-40\}/)
  assert.match(out, /SELECT balance FROM accounts WHERE id = \$1 FOR UPDATE/)
  const [, replay] = /--only doubleSpend --replay (\d+)/.exec(out) ?? []
  const again = await run(`prove races.ts --only doubleSpend --replay ${replay}`)
  assert.equal(again.code, 1)
})

test('certified exits with 0, undecided with 3, and all are counted', async (context) => {
  const { run } = await commandLine(context, raced)
  const certified = await run('prove races.ts --only guarded')
  assert.equal(certified.code, 0)
  assert.match(certified.out, /^CERTIFIED {2}guarded .*any number of preemptions/s)
  const bounded = await run('prove . --only bounded')
  assert.equal(bounded.code, 3)
  assert.match(bounded.out, /^INCONCLUSIVE {2}bounded .*schedulesMax is 1/s)
  const all = await run('prove . --budget 5min')
  assert.equal(all.code, 1)
  assert.match(all.out, /1 certified, 1 violated, 1 inconclusive$/)
})

test('JSON, JUnit and the files of a violation', async (context) => {
  const { run, path } = await commandLine(context, raced)
  const { out } = await run('prove races.ts --json --junit junit.xml --out found')
  const [, first] = JSON.parse(out)
  assert.equal(first.name, 'doubleSpend')
  assert.equal(first.verdict.findings[0].class, 'lost-update')
  const junit = await readFile(join(path, 'junit.xml'), 'utf8')
  assert.match(junit, /tests="3" failures="1" errors="1"/)
  assert.match(junit, /no &lt;negative&gt; balance/)
  assert.deepEqual((await readdir(join(path, 'found'))).sort(), [
    'doubleSpend.html',
    'doubleSpend.json',
    'doubleSpend.test.ts',
    'doubleSpend.txt',
  ])
  const written = await readFile(join(path, 'found/doubleSpend.test.ts'), 'utf8')
  assert.match(written, /import \{ doubleSpend \} from '\.\.\/races\.ts'/)
  assert.match(await readFile(join(path, 'found/doubleSpend.html'), 'utf8'), /no &lt;negative&gt;/)
})

test('a program that a crash breaks exits with 1, and its trace shows which and where', async (context) => {
  const { run } = await commandLine(context, crashed)
  const { code, out } = await run('prove crashes.ts')
  assert.equal(code, 1)
  assert.match(out, /^VIOLATION {2}deposit: not once {2}\(\d+ runs/)
  assert.match(out, /crashes\.ts:10\n {7}-> 1 row\n {7}\*\*\* it is done, and/)
  assert.match(out, /\(the request, again\)\n 2 {2}INSERT INTO keys .*\n.*\n {7}-> 0 rows\n/)
  assert.match(out, /! accounts has \{"id": 1, "balance": 0\}, and should not/)
  assert.match(out, /1 certified, 1 violated, 0 inconclusive$/)
  const [, replay] = /--only deposit --replay (\S+)/.exec(out) ?? []
  assert.equal((await run(`prove crashes.ts --only deposit --replay ${replay}`)).code, 1)
  const harmless = await run('prove crashes.ts --only deposit --replay 0-exhausted')
  assert.equal(harmless.code, 3)
  const misspelt = await run('prove crashes.ts --only deposit --replay 3-burnt')
  assert.match(misspelt.err, /"3-burnt" names no run: copy it from the trace/)
  assert.match(harmless.out, /One run was made again, and it breaks nothing/)
})

test('the files of a program that a crash breaks', async (context) => {
  const { run, path } = await commandLine(context, crashed)
  const { out } = await run('prove crashes.ts --only deposit --json --junit junit.xml --out found')
  const [{ verdict }] = JSON.parse(out)
  assert.equal(verdict.findings[0].class, 'not-once')
  assert.match(await readFile(join(path, 'junit.xml'), 'utf8'), /tests="1" failures="1"/)
  const written = await readFile(join(path, 'found/deposit.test.ts'), 'utf8')
  assert.match(written, /import \{ exploreCrashes, verdictText \} from 'holdfast\/prove'/)
  assert.match(written, /import \{ deposit \} from '\.\.\/crashes\.ts'/)
  const page = await readFile(join(path, 'found/deposit.html'), 'utf8')
  assert.match(page, /class="fault">it is done, and the connection is lost/)
  assert.match(page, /k&lt;1&gt;/)
})

test('what cannot be run exits with 2 and says why', async (context) => {
  const { run } = await commandLine(context, raced)
  const cases: [line: string, message: RegExp][] = [
    ['prove', /Name a file, such as holdfast prove races\.ts/],
    ['prove nowhere.ts', /There is no file .*nowhere\.ts/],
    ['prove races.ts --only spend', /There is no "spend"; there is bounded, doubleSpend, guarded/],
    ['prove races.ts --budget soon', /--budget soon is no duration/],
  ]
  for (const [line, message] of cases) {
    const { code, err } = await run(line)
    assert.equal(code, 2, line)
    assert.match(err, message)
  }
  const empty = await commandLine(context, { 'races.ts': 'export const nothing = 1' })
  assert.match((await empty.run('prove races.ts')).err, /exports nothing to prove/)
  const broken = await commandLine(context, {
    'races.ts': RACES.replace('INSERT INTO accounts', 'INSERT INTO acounts'),
  })
  const { code, err } = await broken.run('prove races.ts')
  assert.equal(code, 2)
  assert.match(err, /HF_PROVE_SETUP: The seed of the race fails: relation "acounts" does not exist/)
})
