import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { plainTransaction, WireDatabase } from '../testing/wire-database.ts'
import type { Step } from './batch.ts'
import type { Pool } from './pool.ts'
import { sql } from './sql.ts'
import { hasState, StatementError } from './sqlstate.ts'
import type { Statement } from './statement.ts'

let database: WireDatabase
/** One connection, so that what one batch leaves behind meets the next. */
let one: Pool

before(async () => {
  database = await WireDatabase.make('CREATE TABLE t (id int PRIMARY KEY, note text)')
  one = database.pool({ connectionsMax: 1 })
})

beforeEach(async () => {
  await database.directly('TRUNCATE t')
  await one.run([sql`SELECT 1`])
})

after(() => database.drop())

const insert = (id: number) => sql`INSERT INTO t (id) VALUES (${id})`

async function ids(): Promise<unknown[]> {
  const [rows] = await database.directly('SELECT id FROM t ORDER BY id')
  return rows?.rows.map(({ id }) => id) ?? []
}

function refusal(state: string, index: number) {
  return (error: unknown) => {
    assert.ok(error instanceof StatementError, String(error))
    assert.deepEqual([error.state, error.index], [state, index])
    return true
  }
}

test('a batch is one trip; results come in order with their counts and commands', async () => {
  const seen = await database.tripsOf(async () => {
    const results = await one.run([
      insert(1),
      insert(2),
      sql`UPDATE t SET note = 'x'`,
      sql`SELECT id, note FROM t ORDER BY id`,
      sql`SELECT WHERE false`,
      { text: '', values: [] },
      { text: 'SET LOCAL work_mem = 65536', values: [] },
    ])
    assert.deepEqual(
      results.map(({ command, rowCount }) => [command, rowCount]),
      [
        ['INSERT', 1],
        ['INSERT', 1],
        ['UPDATE', 2],
        ['SELECT', 2],
        ['SELECT', 0],
        ['', 0],
        ['SET', 0],
      ],
    )
    assert.deepEqual(results[3]?.rows, [
      { id: 1, note: 'x' },
      { id: 2, note: 'x' },
    ])
  })
  assert.equal(seen, 1)
})

test('a batch is all or none', async () => {
  await assert.rejects(one.run([insert(1), insert(1), insert(2)]), refusal('23505', 1))
  assert.deepEqual(await ids(), [])
  await one.run([insert(1), insert(2)])
  assert.deepEqual(await ids(), [1, 2])
})

test('an error names constraint, table and place, and keeps the report of the server', async () => {
  await assert.rejects(one.run([insert(1), insert(1)]), (error) => {
    assert.ok(error instanceof StatementError)
    assert.equal(error.constraint, 't_pkey')
    assert.equal(error.table, 't')
    assert.match(error.detail ?? '', /already exists/)
    assert.equal(error.severity, 'ERROR')
    assert.equal(error.fatal, false)
    return true
  })
})

test('a statement is parsed once for a connection and described once', async () => {
  const read = sql`SELECT ${1}::int AS once`
  await one.run([read])
  const { parses } = database.proxy.counters
  for (let n = 0; n < 3; n++)
    assert.deepEqual((await one.run([read, read]))[1]?.rows, [{ once: 1 }])
  assert.equal(database.proxy.counters.parses, parses)
})

test('the same new statement twice in one batch is parsed once', async () => {
  const { parses } = database.proxy.counters
  const twice = sql`SELECT ${1}::int AS twice`
  const results = await one.run([twice, twice])
  assert.equal(database.proxy.counters.parses - parses, 1)
  assert.deepEqual(
    results.map(({ rows }) => rows),
    [[{ twice: 1 }], [{ twice: 1 }]],
  )
})

test('what stood behind an error was never parsed, and is parsed the next time', async () => {
  const behind = sql`SELECT ${1}::int AS behind`
  for (let n = 0; n < 2; n++) {
    await assert.rejects(one.run([sql`SELECT 1 / 0`, behind]), refusal('22012', 0))
  }
  assert.deepEqual((await one.run([behind]))[0]?.rows, [{ behind: 1 }])
})

test('what stood before an error was parsed, and stays so', async () => {
  const ahead = sql`SELECT ${1}::int AS ahead`
  await assert.rejects(one.run([ahead, sql`SELECT 1 / 0`]), refusal('22012', 1))
  assert.deepEqual((await one.run([ahead, ahead]))[1]?.rows, [{ ahead: 1 }])
})

test('a statement that does not parse fails as such, and hurts nobody after it', async () => {
  for (let n = 0; n < 2; n++) {
    await assert.rejects(one.run([insert(1), sql`SELEC 1`, insert(2)]), refusal('42601', 1))
  }
  await one.run([insert(1)])
  assert.deepEqual(await ids(), [1])
})

test('COPY is refused, both ways, and the connection goes on', async () => {
  const disguised = '/* no */ COPY t FROM STDIN'
  for (const text of ['COPY t FROM STDIN', 'copy t TO STDOUT', disguised]) {
    const copy = { text, values: [] }
    await assert.rejects(one.run([insert(1), copy, insert(2)]), text)
    await assert.rejects(one.run([insert(1), copy]), text)
    assert.deepEqual((await one.run([sql`SELECT 1 AS alive`]))[0]?.rows, [{ alive: 1 }])
    assert.deepEqual(await ids(), [])
  }
})

const cyclic: Record<string, unknown> = {}
cyclic.self = cyclic

test('values that cannot be sent: nothing is, and others are not disturbed', async () => {
  const bad: unknown[] = [cyclic, () => 1, Symbol('x'), new Date(Number.NaN), { n: 1n }, [() => 1]]
  for (const value of bad) {
    const { executes } = database.proxy.counters
    await assert.rejects(
      one.run([insert(1), sql`SELECT ${value}`, insert(2)]),
      String(typeof value),
    )
    const rollback = 1
    assert.equal(database.proxy.counters.executes, executes + rollback)
    const [rows] = await one.run([sql`SELECT ${'next'}::text AS value`])
    assert.deepEqual(rows?.rows, [{ value: 'next' }])
  }
  assert.deepEqual(await ids(), [])
})

test('a text that would end early for the server is not sent', async () => {
  const text = { text: 'SELECT 1 \0 AS one', values: [] }
  await assert.rejects(one.run([insert(1), text]), (error) => isFault(error, 'HF_OPTION_INVALID'))
  await one.run([insert(2)])
  assert.deepEqual(await ids(), [2])
})

test('in a transaction a value that cannot be sent rolls back what was', async () => {
  const ended = plainTransaction(one, async (tx) => {
    await tx.query(insert(1))
    await tx.query(sql`SELECT ${cyclic}`)
  })
  await assert.rejects(ended, TypeError)
  assert.deepEqual(await ids(), [])
})

test('more values than the protocol counts are refused, as many pass', async () => {
  const list = (count: number) => ({
    text: `SELECT ${Array.from({ length: count }, (_, n) => `$${n + 1}::int`).join(' + ')} AS sum`,
    values: Array.from({ length: count }, () => 1),
  })
  const sum = (count: number) => ({
    text: `SELECT count(*) FROM (VALUES ${Array.from({ length: count }, (_, n) => `($${n + 1}::int)`).join()}) v`,
    values: Array.from({ length: count }, () => 1),
  })
  assert.deepEqual((await one.run([sum(65_535)]))[0]?.rows, [{ count: 65_535 }])
  await assert.rejects(one.run([list(65_536)]), (error) => isFault(error, 'HF_OPTION_INVALID'))
})

test('long texts and large values pass', async () => {
  const large = 'ä€𝄞'.repeat(300_000)
  const bytes = Buffer.alloc(2_000_000, 7)
  const [rows] = await one.run([
    sql`SELECT length(${large}::text) AS units, length(${bytes}::bytea) AS bytes, ${large}::text AS value`,
    { text: `SELECT 1 /* ${'€'.repeat(50_000)} */`, values: [] },
  ])
  assert.equal(rows?.rows[0]?.bytes, 2_000_000)
  assert.equal(rows?.rows[0]?.value, large)
})

test('an int8 beyond 2^53 is an error that leaves the connection whole, or a bigint by declaration', async () => {
  const large = sql`SELECT ${'9007199254740993'}::int8 AS n, ${'-5'}::int8 AS m`
  await assert.rejects(one.run([large, insert(1)]), (error) => isFault(error, 'HF_INTEGER_RANGE'))
  const [rows] = await one.run([large.withBigint()])
  assert.deepEqual(rows?.rows, [{ n: 9007199254740993n, m: -5n }])
  const [again] = await one.run([sql`SELECT ${'-5'}::int8 AS m`])
  assert.deepEqual(again?.rows, [{ m: -5 }])
})

test('in a transaction a value that cannot be read fails it, and nothing is committed', async () => {
  const ended = plainTransaction(one, async (tx) => {
    await tx.query(insert(1))
    await tx.query(sql`SELECT ${'9007199254740993'}::int8`).catch(() => {})
  })
  await assert.rejects(ended, (error) => isFault(error, 'HF_INTEGER_RANGE'))
  assert.deepEqual(await ids(), [])
})

const series = (rows: number) => sql`SELECT n FROM generate_series(1, ${rows}::int) AS n`

test('exactly as many rows as the bound pass; one more is HF_ROWS_MAX, never a cut', async () => {
  for (const bound of [0, 1, 10]) {
    const [rows] = await one.run([series(bound).bounded(bound)])
    assert.equal(rows?.rows.length, bound)
    assert.equal(rows?.rowCount, bound)
    const over = one.run([series(bound + 1).bounded(bound), insert(1)])
    await assert.rejects(over, (error) => isFault(error, 'HF_ROWS_MAX'))
  }
})

test('too many rows fail the transaction', async () => {
  const ended = plainTransaction(one, async (tx) => {
    await tx.query(insert(1))
    await tx.query(series(5).bounded(3)).catch(() => {})
  })
  await assert.rejects(ended, (error) => isFault(error, 'HF_ROWS_MAX'))
  assert.deepEqual(await ids(), [])
})

test('a bound in the middle of a batch leaves its neighbours their own results', async () => {
  const results = await one.run([series(2), series(3).bounded(3), series(1)])
  assert.deepEqual(
    results.map(({ rows }) => rows.length),
    [2, 3, 1],
  )
})

test('a statement that a server process dies of is a lost connection, and the pool recovers', async () => {
  const dying = sql`SELECT pg_terminate_backend(pg_backend_pid())`
  await assert.rejects(one.run([insert(1), dying]), { name: 'ConnectionLostError' })
  assert.deepEqual((await one.run([sql`SELECT 1 AS alive`]))[0]?.rows, [{ alive: 1 }])
  assert.deepEqual(await ids(), [])
})

test('the pool’s run tries a lost batch again where that is allowed', async () => {
  void database.proxy.cutTrip('unsent')
  await assert.rejects(one.run([insert(1)]), { name: 'ConnectionLostError' })
  await one.run([sql`SELECT 1`])
  void database.proxy.cutTrip('unsent')
  await one.run([insert(1)], { retryLost: true })
  assert.deepEqual(await ids(), [1])
})

test('step by step: the same results, a stop before and behind each statement', async () => {
  const places: string[] = []
  const step: Step = ({ statement, index, count, done }) => {
    places.push(`${index}/${count} ${statement.text.slice(0, 6)} ${done ? 'done' : 'next'}`)
  }
  const stepped = database.pool({ connectionsMax: 1, step })
  const run = () => stepped.run([insert(1), sql`SELECT id FROM t`, insert(2)])
  const results = await run()
  assert.deepEqual(results[1]?.rows, [{ id: 1 }])
  assert.deepEqual(places, [
    '0/3 INSERT next',
    '0/3 INSERT done',
    '1/3 SELECT next',
    '1/3 SELECT done',
    '2/3 INSERT next',
    '2/3 INSERT done',
  ])
  places.length = 0
  await assert.rejects(run(), refusal('23505', 0))
  assert.deepEqual(places.slice(0, 2), ['0/3 INSERT next', '0/1 ROLLBA next'])
  assert.deepEqual(await ids(), [1, 2])
})

test('a step sees what was done already, and nothing is there for others before the end', async () => {
  const seen: unknown[] = []
  const step: Step = async ({ done }) => {
    if (done) seen.push(...(await ids()))
  }
  const stepped = database.pool({ connectionsMax: 1, step })
  await stepped.run([insert(1), insert(2)])
  assert.deepEqual(seen, [])
  assert.deepEqual(await ids(), [1, 2])
})

test('a step that throws cuts the connection; nothing of its batch stays', async () => {
  let armed = true
  const step: Step = ({ index, done }) => {
    if (armed && index === 1 && done) throw new Error('crash here')
  }
  const stepped = database.pool({ connectionsMax: 1, step })
  await assert.rejects(stepped.run([insert(1), insert(2), insert(3)]))
  armed = false
  assert.deepEqual(await ids(), [])
  await stepped.run([insert(1)])
  assert.deepEqual(await ids(), [1])
})

test('one by one: the same results, all or none, nothing left open', async () => {
  const plain = database.pool({ connectionsMax: 1, pipelining: false })
  const read = sql`SELECT id FROM t ORDER BY id`
  const [, , rows] = await plain.run([insert(1), insert(2), read])
  assert.deepEqual(rows?.rows, [{ id: 1 }, { id: 2 }])
  await assert.rejects(plain.run([insert(3), insert(3), insert(4)]), (error) =>
    hasState(error, '23505'),
  )
  await assert.rejects(plain.run([insert(3), sql`SELECT ${cyclic}`]), TypeError)
  await assert.rejects(plain.run([insert(3), series(2).bounded(1)]), (error) =>
    isFault(error, 'HF_ROWS_MAX'),
  )
  assert.deepEqual(await ids(), [1, 2])
  await plainTransaction(plain, async (tx) => {
    await Promise.all([tx.query(insert(3)), tx.query(insert(4))])
    tx.defer(insert(5))
  })
  const failing = plainTransaction(plain, async (tx) => {
    await tx.query(insert(6))
    tx.defer(insert(6))
  })
  await assert.rejects(failing, (error) => hasState(error, '23505'))
  assert.deepEqual(await ids(), [1, 2, 3, 4, 5])
})

test('a transaction without pipelining is resolved in doubt like any other', async () => {
  const plain = database.pool({ connectionsMax: 1, pipelining: false })
  await plain.run([sql`SELECT 1`])
  // BEGIN, the opening, the insert, then COMMIT.
  void database.proxy.cutTrip('unanswered', { skip: 3 })
  let runs = 0
  await plainTransaction(plain, async (tx) => {
    runs++
    await tx.query(insert(1))
  })
  assert.equal(runs, 1)
  assert.deepEqual(await ids(), [1])
})

test('many batches at once over few connections keep their answers apart', async () => {
  const few = database.pool({ connectionsMax: 3 })
  const ask = async (n: number) => {
    const statements: Statement[] = [
      sql`SELECT ${n}::int AS n`,
      series(n % 7),
      sql`SELECT ${n + 1}::int AS n`,
    ]
    const [first, middle, last] = await few.run(statements)
    assert.deepEqual([first?.rows, last?.rows], [[{ n }], [{ n: n + 1 }]])
    assert.equal(middle?.rows.length, n % 7)
  }
  await Promise.all(Array.from({ length: 200 }, (_, n) => ask(n)))
})
