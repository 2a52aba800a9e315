import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { HoldfastError, isFault } from '../base/fault.ts'
import type { Cut } from '../testing/tcp-proxy.ts'
import { plainTransaction, WireDatabase } from '../testing/wire-database.ts'
import type { Pool } from './pool.ts'
import { isInDoubt } from './run-transaction.ts'
import { sql } from './sql.ts'
import { hasState } from './sqlstate.ts'
import type { Transaction } from './transaction.ts'

let database: WireDatabase
let pool: Pool

before(async () => {
  database = await WireDatabase.make('CREATE TABLE t (id int PRIMARY KEY, note text)')
  pool = database.pool()
})

beforeEach(() => database.directly('TRUNCATE t'))

after(() => database.drop())

const insert = (id: number) => sql`INSERT INTO t (id) VALUES (${id})`

async function ids(): Promise<unknown[]> {
  const [rows] = await database.directly('SELECT id FROM t ORDER BY id')
  return rows?.rows.map(({ id }) => id) ?? []
}

/** Runs work that inserts row 1, with the trip at place `skip` cut, and counts the runs of it. */
async function withCut(kind: Cut, skip: number): Promise<{ runs: number; cut: boolean }> {
  await pool.run([sql`SELECT 1`])
  let cut = false
  void database.proxy.cutTrip(kind, { skip }).then(() => {
    cut = true
  })
  let runs = 0
  await plainTransaction(pool, async (tx) => {
    runs++
    await tx.query(insert(1))
    await tx.query(sql`UPDATE t SET note = 'x' WHERE id = 1`)
  })
  return { runs, cut }
}

test('a connection lost at any trip: the work is done once, whichever trip and side it was', async () => {
  const cases: readonly [Cut, number, number][] = [
    ['unsent', 0, 2],
    ['unanswered', 0, 2],
    ['unsent', 1, 2],
    ['unanswered', 1, 2],
    // COMMIT: before it was executed the work runs again, afterwards it must not.
    ['unsent', 2, 2],
    ['unanswered', 2, 1],
  ]
  for (const [kind, skip, runs] of cases) {
    await database.directly('TRUNCATE t')
    const { commitsInDoubt } = pool.metrics()
    assert.deepEqual(await withCut(kind, skip), { runs, cut: true }, `${kind} ${skip}`)
    assert.deepEqual(await ids(), [1])
    assert.equal(pool.metrics().commitsInDoubt - commitsInDoubt, skip === 2 ? 1 : 0)
  }
})

test('a commit in doubt is asked for until the server has ended the transaction', async () => {
  // The server does not notice that we are gone while it waits for this lock.
  const blocker = database.pool({ url: database.database.url, connectionsMax: 1 })
  await database.directly(
    'CREATE TABLE gate (id int)',
    `CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN LOCK TABLE gate IN ACCESS EXCLUSIVE MODE; RETURN NULL; END $$`,
    `CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION wait_at_gate()`,
  )
  await pool.run([sql`SELECT 1`])
  const blocking = await blocker.acquire()
  await blocking.run([
    { text: 'BEGIN', values: [] },
    { text: 'LOCK TABLE gate IN ACCESS EXCLUSIVE MODE', values: [] },
  ])
  let runs = 0
  const ended = plainTransaction(pool, async (tx) => {
    runs++
    await tx.query(insert(1))
    tx.beforeCommit(() => {
      // Cut while COMMIT waits at the gate.
      setImmediate(() => void waitingAtGate().then(() => database.proxy.cutAll()))
      return []
    })
  })
  await untilAsked(pool)
  await blocking.run([{ text: 'COMMIT', values: [] }])
  await blocking.release()
  await ended
  assert.equal(runs, 1)
  assert.deepEqual(await ids(), [1])
  await database.directly('DROP FUNCTION wait_at_gate CASCADE', 'DROP TABLE gate')
})

/** Resolves when somebody waits for the lock on the gate. */
async function waitingAtGate(): Promise<void> {
  const waits = sql`SELECT FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass`
  const asker = database.pool({ url: database.database.url, connectionsMax: 1 })
  for (;;) {
    const [rows] = await asker.run([waits])
    if (rows?.rowCount) return
  }
}

/** Resolves when the outcome was asked for at least twice. */
async function untilAsked(asked: Pool): Promise<void> {
  const { roundTrips } = asked.metrics()
  while (asked.metrics().commitsInDoubt === 0 || asked.metrics().roundTrips < roundTrips + 6) {
    await new Promise(setImmediate)
  }
}

test('with an outcome that the caller finds out, a lost COMMIT reaches the caller as in doubt', async () => {
  await pool.run([sql`SELECT 1`])
  void database.proxy.cutTrip('unanswered', { skip: 1 })
  const ended = plainTransaction(pool, (tx) => tx.query(insert(1)), { inDoubt: 'caller' })
  await assert.rejects(ended, (error) => isInDoubt(error))
  assert.deepEqual(await ids(), [1])
})

test('BEGIN and COMMIT in one batch, cut unsent: nothing is there and the caller is told', async () => {
  await pool.run([sql`SELECT 1`])
  void database.proxy.cutTrip('unsent')
  const work = async (tx: Transaction) => tx.defer(insert(1))
  const ended = plainTransaction(pool, work, { inDoubt: 'caller' })
  await assert.rejects(ended, (error) => isInDoubt(error))
  assert.deepEqual(await ids(), [])
})

test('a collision of serializable transactions runs the loser again, with a fresh transaction', async () => {
  await database.directly(`INSERT INTO t VALUES (1, '0'), (2, '0')`)
  const seen = new Set<Transaction>()
  let together: (() => void) | undefined
  const both = new Promise<void>((resolve) => {
    let waiting = 0
    together = () => ++waiting === 2 && resolve()
  })
  const { retries } = pool.metrics()
  // Write skew: each reads both rows and writes one.
  const skew = (own: number) =>
    plainTransaction(pool, async (tx, attempt) => {
      seen.add(tx)
      await tx.query(sql`SELECT sum(note::int) FROM t`)
      if (attempt === 1) {
        together?.()
        await both
      }
      await tx.query(sql`UPDATE t SET note = (SELECT sum(note::int) + 1 FROM t) WHERE id = ${own}`)
    })
  await Promise.all([skew(1), skew(2)])
  assert.equal(pool.metrics().retries - retries, 1)
  assert.equal(seen.size, 3)
  const [rows] = await database.directly('SELECT note FROM t ORDER BY note')
  assert.deepEqual(
    rows?.rows.map(({ note }) => note),
    ['1', '2'],
  )
})

test('a deadlock is retried', async () => {
  await database.directly(`INSERT INTO t VALUES (1, ''), (2, '')`)
  let together: (() => void) | undefined
  const both = new Promise<void>((resolve) => {
    let waiting = 0
    together = () => ++waiting === 2 && resolve()
  })
  const touch = (first: number, second: number) =>
    plainTransaction(
      pool,
      async (tx, attempt) => {
        await tx.query(sql`UPDATE t SET note = note || 'x' WHERE id = ${first}`)
        if (attempt === 1) {
          together?.()
          await both
        }
        await tx.query(sql`UPDATE t SET note = note || 'x' WHERE id = ${second}`)
      },
      { isolation: 'read committed' },
    )
  await Promise.all([touch(1, 2), touch(2, 1)])
  const [rows] = await database.directly('SELECT note FROM t')
  assert.deepEqual(rows?.rows, [{ note: 'xx' }, { note: 'xx' }])
})

test('what collides at every run is given up after so many, with the collision as the cause', async () => {
  let runs = 0
  const ended = plainTransaction(
    pool,
    async (tx) => {
      runs++
      await tx.query(sql`DO $$ BEGIN RAISE serialization_failure; END $$`)
    },
    { attemptsMax: 3 },
  )
  await assert.rejects(ended, (error) => {
    assert.ok(isFault(error, 'HF_RETRIES_EXHAUSTED'))
    return hasState(error.cause, '40001')
  })
  assert.equal(runs, 3)
})

test('an error of the work passes through as it is, and is not retried', async () => {
  const error = new Error('no')
  let runs = 0
  await assert.rejects(
    plainTransaction(pool, async (tx) => {
      runs++
      await tx.query(insert(1))
      throw error
    }),
    (thrown) => thrown === error,
  )
  assert.equal(runs, 1)
  assert.deepEqual(await ids(), [])
})

test('an error of the work that has a statement’s as its cause stays the work’s', async () => {
  const ended = plainTransaction(pool, async (tx) => {
    await tx.query(sql`SELECT 1 / 0`).catch((cause) => {
      throw new Error('no such share', { cause })
    })
  })
  await assert.rejects(ended, { message: 'no such share' })
})

test('a collision that the work has swallowed or wrapped is retried all the same', async () => {
  for (const wrap of [() => {}, (cause: unknown) => Promise.reject(new Error('no', { cause }))]) {
    let runs = 0
    await plainTransaction(pool, async (tx) => {
      if (++runs > 1) return
      await tx.query(sql`DO $$ BEGIN RAISE serialization_failure; END $$`).catch(wrap)
    })
    assert.equal(runs, 2)
  }
})

test('a server process that is ended in the middle: the work runs again', async () => {
  let runs = 0
  await plainTransaction(pool, async (tx) => {
    await tx.query(insert(1))
    if (++runs > 1) return
    await tx.query(sql`SELECT pg_terminate_backend(pg_backend_pid())`)
  })
  assert.equal(runs, 2)
  assert.deepEqual(await ids(), [1])
})

test('a connection whose server process was ended while it was idle costs a retry, no error', async () => {
  const one = database.pool({ connectionsMax: 1 })
  const connection = await one.acquire()
  await connection.release()
  await database.directly(`SELECT pg_terminate_backend(${connection.processId})`)
  let runs = 0
  await plainTransaction(one, async (tx) => {
    runs++
    await tx.query(insert(1))
  })
  assert.ok(runs <= 2)
  assert.deepEqual(await ids(), [1])
})

test('DDL that changes a result type is not noticed: the work runs again with fresh plans', async () => {
  await database.directly('CREATE TABLE shape (a int)', 'INSERT INTO shape VALUES (1)')
  const read = sql`SELECT a FROM shape`
  const other = database.pool()
  const run = (on: Pool) => plainTransaction(on, async (tx) => (await tx.query(read)).rows)
  // Two connections of one pool with the old plan.
  await Promise.all([run(pool), run(pool), run(other)])
  await database.directly('ALTER TABLE shape ALTER a TYPE text')
  const { retries } = pool.metrics()
  assert.deepEqual(await run(pool), [{ a: '1' }])
  assert.equal(pool.metrics().retries - retries, 1)
  // The pool's other connections prepare anew before they fail.
  assert.deepEqual(await Promise.all([run(pool), run(pool)]), [[{ a: '1' }], [{ a: '1' }]])
  assert.equal(pool.metrics().retries - retries, 1)
  assert.deepEqual(await run(other), [{ a: '1' }])
  await database.directly('DROP TABLE shape')
})

test('a prepared statement that the server has lost is prepared again', async () => {
  const one = database.pool({ connectionsMax: 1 })
  const read = sql`SELECT id FROM t`
  await one.run([read])
  await one.run([sql`DEALLOCATE ALL`])
  const { rows } = await plainTransaction(one, (tx) => tx.query(read))
  assert.deepEqual(rows, [])
})

const sleep = sql`SELECT pg_sleep(30)`

/** Resolves when the server runs that sleep. */
async function sleeping(call = 'pg_sleep(30)'): Promise<void> {
  const asker = database.pool({ url: database.database.url, connectionsMax: 1 })
  const running = sql`SELECT FROM pg_stat_activity
    WHERE state = 'active' AND query LIKE ${`%${call}%`} AND pid <> pg_backend_pid()`
  for (;;) {
    const [rows] = await asker.run([running])
    if (rows?.rowCount) return
  }
}

test('a caller that goes away has the running statement cancelled', async () => {
  const leaving = new AbortController()
  const ended = plainTransaction(pool, (tx) => tx.query(sleep), { signal: leaving.signal })
  await sleeping()
  leaving.abort()
  await assert.rejects(ended, (error) => isFault(error, 'HF_CANCELLED'))
})

test('a caller that has gone already gets nothing sent', async () => {
  const seen = await database.tripsOf(() =>
    assert.rejects(
      plainTransaction(pool, (tx) => tx.query(insert(1)), { signal: AbortSignal.abort() }),
      (error) => isFault(error, 'HF_CANCELLED'),
    ),
  )
  assert.equal(seen, 0)
})

test('at the deadline the running statement is cancelled', async () => {
  const deadlineMs = systemClock.monotonicMs() + 300
  const ended = plainTransaction(pool, (tx) => tx.query(sleep), { deadlineMs })
  await assert.rejects(ended, (error) => isFault(error, 'HF_DEADLINE_EXCEEDED'))
})

test('a signal that the deadline has aborted is the deadline, not a caller that left', async () => {
  const deadline = new AbortController()
  const { signal } = deadline
  const ended = plainTransaction(pool, (tx) => tx.query(sleep), { signal })
  await sleeping()
  deadline.abort(new HoldfastError('HF_DEADLINE_EXCEEDED'))
  await assert.rejects(ended, (error) => isFault(error, 'HF_DEADLINE_EXCEEDED'))
  const late = plainTransaction(pool, (tx) => tx.query(sleep), { signal })
  await assert.rejects(late, (error) => isFault(error, 'HF_DEADLINE_EXCEEDED'))
})

test('past the deadline nothing is sent and nothing committed', async () => {
  const deadlineMs = systemClock.monotonicMs() + 50
  const ended = plainTransaction(
    pool,
    async (tx) => {
      await tx.query(insert(1))
      await new Promise((resolve) => systemClock.after(60, () => resolve(undefined)))
    },
    { deadlineMs },
  )
  await assert.rejects(ended, (error) => isFault(error, 'HF_DEADLINE_EXCEEDED'))
  assert.deepEqual(await ids(), [])
})

test('a cancelled connection goes back only when the cancel can no longer hit its next user', async () => {
  const one = database.pool({ connectionsMax: 1 })
  const leaving = new AbortController()
  await one.run([sql`SELECT 1`])
  const { trips, answers, cancels } = database.proxy.counters
  const letAnswersThrough = database.proxy.holdAnswers()
  const letCancelsThrough = database.proxy.holdCancels()
  const { signal } = leaving
  const ended = plainTransaction(one, (tx) => tx.query(sql`SELECT 1`), { signal })
  await until(() => database.proxy.counters.trips > trips)
  leaving.abort()
  await until(() => database.proxy.counters.cancels > cancels)
  // The statement was faster: the cancel is still on its way when the transaction ends.
  letAnswersThrough()
  const next = one.run([sql`SELECT pg_sleep(0.2)`])
  await until(() => database.proxy.counters.answers >= answers + 2)
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
  assert.equal(database.proxy.counters.trips, trips + 2, 'the next one waits behind ROLLBACK')
  letCancelsThrough()
  await assert.rejects(ended, (error) => isFault(error, 'HF_CANCELLED'))
  await next
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate)
}

test('a cancel that the server does not take makes the connection unfit for others', async () => {
  const one = database.pool({ connectionsMax: 1 })
  const leaving = new AbortController()
  await one.run([sql`SELECT 1`])
  const letCancelsThrough = database.proxy.holdCancels()
  const { connections } = database.proxy.counters
  const ended = plainTransaction(one, (tx) => tx.query(sql`SELECT pg_sleep(0.3)`), {
    signal: leaving.signal,
  })
  await sleeping('pg_sleep(0.3)')
  leaving.abort()
  await assert.rejects(ended, (error) => isFault(error, 'HF_CANCELLED'))
  await one.run([sql`SELECT 1`])
  assert.equal(database.proxy.counters.connections, connections + 1)
  letCancelsThrough()
})
