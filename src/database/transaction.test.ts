import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { isFault } from '../base/fault.ts'
import { plainTransaction, WireDatabase } from '../testing/wire-database.ts'
import { kyselyOver } from './kysely.ts'
import type { Pool } from './pool.ts'
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
const count = sql<{ count: number }>`SELECT count(*) FROM t`

async function rowsLeft(): Promise<number> {
  const [rows] = await pool.run([count])
  return rows?.rows[0]?.count as number
}

/** Trips at the wire, with the pool's own count beside them. */
async function trips(work: (tx: Transaction) => Promise<unknown>): Promise<number> {
  await pool.run([count])
  const { roundTrips } = pool.metrics()
  const seen = await database.tripsOf(() => plainTransaction(pool, work))
  assert.equal(pool.metrics().roundTrips - roundTrips, seen, 'the metrics agree with the wire')
  return seen
}

test('k awaited statements cost k + 1 trips', async () => {
  for (const k of [1, 2, 5]) {
    const seen = await trips(async (tx) => {
      for (let id = 1; id <= k; id++) await tx.query(insert(k * 10 + id))
    })
    assert.equal(seen, k + 1)
  }
  assert.equal(await rowsLeft(), 8)
})

test('no statement costs one trip where the outcome is found by the caller, two by xid', async () => {
  await pool.run([count])
  const nothing = async () => {}
  const seen = await database.tripsOf(() =>
    plainTransaction(pool, nothing, { inDoubt: 'caller', opening: () => [] }),
  )
  assert.equal(seen, 1)
  assert.equal(await trips(nothing), 2)
})

test('deferred statements and those of hooks travel with COMMIT, in that order', async () => {
  const order: string[] = []
  const seen = await trips(async (tx) => {
    await tx.query(insert(1))
    tx.beforeCommit((opening) => {
      order.push('hook')
      assert.match(String(opening?.[0]?.rows[0]?.xid), /^\d+$/)
      return [sql`INSERT INTO t (id, note) SELECT 3, count(*) FROM t`]
    })
    for (let id = 10; id < 20; id++) tx.defer(insert(id))
    order.push('work')
  })
  assert.equal(seen, 2)
  assert.deepEqual(order, ['work', 'hook'])
  const [rows] = await pool.run([sql`SELECT note FROM t WHERE id = 3`])
  assert.equal(rows?.rows[0]?.note, '11')
})

test('three statements under Promise.all are one batch, so are those of a builder', async () => {
  const three = await trips(async (tx) => {
    const all = await Promise.all([tx.query(insert(1)), tx.query(insert(2)), tx.query(count)])
    assert.deepEqual(all[2].rows, [{ count: 2 }])
  })
  assert.equal(three, 2)
  const built = await trips(async (tx) => {
    const db = kyselyOver<{ t: { id: number } }>((statement) => tx.query(statement))
    const ask = (id: number) => db.selectFrom('t').select('id').where('id', '=', id).execute()
    assert.deepEqual(await Promise.all([ask(1), ask(2), ask(9)]), [[{ id: 1 }], [{ id: 2 }], []])
  })
  assert.equal(built, 2)
})

test('what is asked for and not awaited is sent before COMMIT; its failure is not overlooked', async () => {
  await plainTransaction(pool, async (tx) => {
    void tx.query(insert(1))
  })
  assert.equal(await rowsLeft(), 1)
  await assert.rejects(
    plainTransaction(pool, async (tx) => {
      tx.query(insert(1)).catch(() => {})
    }),
    (error) => hasState(error, '23505'),
  )
})

test('a swallowed error cannot be committed', async () => {
  const ended = plainTransaction(pool, async (tx) => {
    await tx.query(insert(1))
    await tx.query(insert(1)).catch(() => {})
    return 'done'
  })
  await assert.rejects(ended, (error) => hasState(error, '23505'))
  assert.equal(await rowsLeft(), 0)
})

test('after a failed statement the next ones fail with its error, without a trip', async () => {
  await plainTransaction(pool, async (tx) => {
    const first = await tx.query(sql`SELECT 1 / 0`).catch((error) => error)
    const seen = await database.tripsOf(async () => {
      assert.equal(await tx.query(insert(1)).catch((error) => error), first)
    })
    assert.equal(seen, 0)
    throw first
  }).catch((error) => assert.ok(hasState(error, '22012')))
})

test('the error of one statement under Promise.all reaches all of them, and names its own', async () => {
  const ended = plainTransaction(pool, async (tx) => {
    const all = await Promise.allSettled([
      tx.query(insert(1)),
      tx.query(sql`SELECT 1 / 0`),
      tx.query(insert(2)),
    ])
    const errors = all.map((each) => each.status === 'rejected' && each.reason)
    assert.ok(errors.every((error) => error === errors[1]))
    assert.ok(hasState(errors[1], '22012'))
    assert.match(errors[1].text, /1 \/ 0/)
    throw errors[1]
  })
  await assert.rejects(ended)
  assert.equal(await rowsLeft(), 0)
})

test('a transaction that has ended refuses every use with HF_SCOPE_CLOSED', async () => {
  const closed = (error: unknown) => isFault(error, 'HF_SCOPE_CLOSED')
  const uses = (tx: Transaction) => {
    assert.throws(() => tx.query(insert(1)), closed)
    assert.throws(() => tx.defer(insert(1)), closed)
    assert.throws(() => tx.beforeCommit(() => []), closed)
  }
  const committed = await plainTransaction(pool, async (tx) => tx)
  uses(committed)
  let failed: Transaction | undefined
  await plainTransaction(pool, async (tx) => {
    failed = tx
    throw new Error('no')
  }).catch(() => {})
  uses(failed as Transaction)
  await committed.rollback()
  await committed.rollback()
})

test('HF_SCOPE_CLOSED tells where the operation ended, when asked to keep stacks', async () => {
  const tx = await plainTransaction(pool, async (each) => each, { stacks: true })
  assert.throws(
    () => tx.query(insert(1)),
    (error) =>
      error instanceof Error &&
      error.cause instanceof Error &&
      /ended here/.test(String(error.cause)),
  )
})

test('a statement asked for while the transaction closes is refused, not lost', async () => {
  const late = await plainTransaction(pool, async (tx) => {
    await tx.query(insert(1))
    let error: unknown
    tx.beforeCommit(() => {
      queueMicrotask(() => {
        try {
          void tx.query(insert(2))
        } catch (thrown) {
          error = thrown
        }
      })
      return []
    })
    return () => error
  })
  assert.ok(isFault(late(), 'HF_SCOPE_CLOSED'))
  assert.equal(await rowsLeft(), 1)
})

test('a hook that throws leaves nothing', async () => {
  const error = new Error('no')
  const ended = plainTransaction(pool, async (tx) => {
    await tx.query(insert(1))
    tx.beforeCommit(() => {
      throw error
    })
  })
  await assert.rejects(ended, error)
  assert.equal(await rowsLeft(), 0)
})

test('a closing batch in which a statement raises leaves nothing', async () => {
  const ended = plainTransaction(pool, async (tx) => {
    await tx.query(insert(1))
    tx.defer(insert(2))
    tx.defer(insert(2))
  })
  await assert.rejects(ended, (error) => hasState(error, '23505'))
  assert.equal(await rowsLeft(), 0)
})

test('a deferred constraint that fails at COMMIT leaves nothing', async () => {
  await database.directly(
    'CREATE TABLE child (t int REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)',
  )
  const ended = plainTransaction(pool, async (tx) => {
    await tx.query(insert(1))
    await tx.query(sql`INSERT INTO child VALUES (99)`)
  })
  await assert.rejects(ended, (error) => hasState(error, '23503'))
  assert.equal(await rowsLeft(), 0)
  await database.directly('DROP TABLE child')
})

test('rollback and store: the work is gone, what is stored is there, in one trip', async () => {
  const seen = await trips(async (tx) => {
    await tx.query(insert(1))
    await tx.rollbackAndStore([insert(7)])
  })
  assert.equal(seen, 2)
  const [rows] = await pool.run([sql`SELECT id FROM t`])
  assert.deepEqual(rows?.rows, [{ id: 7 }])
})

test('rollback and store after a failed statement', async () => {
  await plainTransaction(pool, async (tx) => {
    await tx.query(sql`SELECT 1 / 0`).catch(() => {})
    await tx.rollbackAndStore([insert(7)])
  })
  assert.equal(await rowsLeft(), 1)
})

test('the isolation asked for is the one that runs, and nothing of it stays on the connection', async () => {
  const one = database.pool({ connectionsMax: 1 })
  const isolation = sql<{ level: string }>`SELECT current_setting('transaction_isolation') AS level`
  for (const level of ['serializable', 'repeatable read', 'read committed'] as const) {
    const { rows } = await plainTransaction(one, (tx) => tx.query(isolation), { isolation: level })
    assert.equal(rows[0]?.level, level)
  }
  const [rows] = await one.run([isolation])
  assert.equal(rows?.rows[0]?.level, 'read committed')
})

test('what is left of the deadline goes to the server again as time passes, with the next batch', async () => {
  let nowMs = 0
  const clock = { ...systemClock, monotonicMs: () => nowMs, after: () => () => {} }
  const timed = database.pool({ connectionsMax: 1, clock })
  const timeout = sql<{ timeout: string }>`SELECT current_setting('statement_timeout') AS timeout`
  await timed.run([timeout])
  const seen = await database.tripsOf(() =>
    plainTransaction(
      timed,
      async (tx) => {
        const left = async () => (await tx.query(timeout)).rows[0]?.timeout
        assert.equal(await left(), '0')
        nowMs = 150
        assert.equal(await left(), '0')
        nowMs = 5_000
        assert.equal(await left(), '15250ms')
        nowMs = 10_000
        assert.equal(await left(), '10250ms')
      },
      { deadlineMs: 20_000 },
    ),
  )
  assert.equal(seen, 5)
  const [rows] = await timed.run([timeout])
  assert.equal(rows?.rows[0]?.timeout, '0')
})

test('a transaction holds no connection until its first statement, and none after its end', async () => {
  const one = database.pool({ connectionsMax: 1 })
  await plainTransaction(one, async () => {
    await one.run([count])
  })
  await plainTransaction(one, async (tx) => {
    await tx.query(insert(1))
    throw new Error('no')
  }).catch(() => {})
  await one.run([count])
})
