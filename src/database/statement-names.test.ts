import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { WireDatabase } from '../testing/wire-database.ts'
import type { Pool } from './pool.ts'
import { sql } from './sql.ts'
import { hasState } from './sqlstate.ts'
import type { Statement } from './statement.ts'
import { STATEMENTS_PER_CONNECTION_MAX as MAX, StatementNames } from './statement-names.ts'

let database: WireDatabase

before(async () => {
  database = await WireDatabase.make()
})

after(() => database.drop())

const numbered = (n: number): Statement => ({ text: `SELECT ${n} AS n`, values: [] })
const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => numbered(from + at))

/** What the server of this connection has prepared, without the question itself. */
async function onServer(pool: Pool): Promise<number> {
  const question = sql<{ count: number }>`
    SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT % AS n'`
  const [rows] = await pool.run([question])
  return rows?.rows[0]?.count as number
}

test('an entry is parsed again only where the epoch has moved', () => {
  const epoch = { value: 0 }
  const names = new StatementNames(epoch)
  const first = names.use(numbered(1))
  assert.equal(names.use(numbered(1)), first)
  epoch.value++
  const second = names.use(numbered(1))
  assert.notEqual(second?.name, first?.name)
  assert.deepEqual(names.takeEvicted(), [first?.name])
  assert.deepEqual(names.takeEvicted(), [])
})

test('the same text read as bigint has a name of its own: its columns are parsed otherwise', () => {
  const names = new StatementNames({ value: 0 })
  const plain = names.use(numbered(1))
  const big = names.use({ ...numbered(1), bigint: true })
  assert.notEqual(plain?.name, big?.name)
  assert.equal(names.use({ ...numbered(1), bigint: true }), big)
})

test('texts that are too long get no name', () => {
  const names = new StatementNames({ value: 0 })
  assert.equal(names.use({ text: `SELECT '${'x'.repeat(20_000)}'`, values: [] }), undefined)
})

test('the least recently used goes first', () => {
  const names = new StatementNames({ value: 0 })
  const kept = names.use(numbered(0))
  const gone = names.use(numbered(1))
  for (const each of range(2, MAX)) names.use(each)
  names.use(numbered(0))
  names.use(numbered(MAX))
  assert.deepEqual(names.takeEvicted(), [gone?.name])
  assert.equal(names.use(numbered(0)), kept)
})

test('names put back are closed later, unless they are in use again', () => {
  const names = new StatementNames({ value: 0 })
  const used = names.use(numbered(1))
  names.putBack(['gone', used?.name ?? ''])
  assert.deepEqual(names.takeEvicted(), ['gone'])
})

test('evicted names are closed on the server: it never holds more than the bound', async () => {
  const one = database.pool({ connectionsMax: 1 })
  for (let round = 0; round < 3; round++) {
    for (let from = 0; from < 3 * MAX; from += 64) await one.run(range(from, from + 64))
  }
  const held = await onServer(one)
  assert.ok(held <= MAX && held > MAX - 8, `${held} statements on the server`)
})

test('so it is where one batch holds more texts than the bound, twice', async () => {
  const one = database.pool({ connectionsMax: 1 })
  const many = range(0, MAX + 50)
  for (let round = 0; round < 3; round++) {
    const results = await one.run([...many, ...many])
    assert.deepEqual(
      results.map(({ rows }) => rows[0]?.n),
      [...many.map((_, n) => n), ...many.map((_, n) => n)],
    )
  }
  const held = await onServer(one)
  assert.ok(held <= MAX, `${held} statements on the server`)
})

test('a Close that an error has skipped is sent again', async () => {
  const one = database.pool({ connectionsMax: 1 })
  const failing = sql`SELECT 1 / 0`
  await assert.rejects(one.run([failing]))
  for (let from = 0; from < 2 * MAX; from += 16) {
    // The Close of what goes travels behind the error.
    await assert.rejects(one.run([failing, ...range(from, from + 16)]), (error) =>
      hasState(error, '22012'),
    )
    await one.run(range(from, from + 16))
  }
  const held = await onServer(one)
  assert.ok(held <= MAX, `${held} statements on the server`)
})

test('without named statements nothing stays on the server', async () => {
  const one = database.pool({ connectionsMax: 1, namedStatements: false })
  for (let round = 0; round < 2; round++) {
    const results = await one.run(range(0, 20))
    assert.equal(results[7]?.rows[0]?.n, 7)
  }
  assert.equal(await onServer(one), 0)
})
