import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { sql } from '../database/sql.ts'
import {
  app,
  entryCount,
  insertEntry,
  Read,
  type ReadContext,
  scripted,
  tables,
} from '../testing/scripted-app.ts'
import { type AskAs, TestOperations } from '../testing/test-operations.ts'
import type { OperationRuntime } from './runtime.ts'

let operations: TestOperations
before(async () => {
  operations = await TestOperations.start({ app, tables, pool: { connectionsMax: 2 } })
})
beforeEach(() => operations.clear())
afterEach(() => operations.assertNothingHeld())
after(() => operations.stop())

/** Whether a query needs one snapshot is remembered by registration: each test has its own. */
function fresh(): OperationRuntime {
  const { runtime } = operations
  const own = new Map([...runtime.registry.operations].map(([name, each]) => [name, { ...each }]))
  return { ...runtime, registry: { ...runtime.registry, operations: own } }
}

function asked(script: (context: ReadContext) => unknown, as: AskAs = {}) {
  return operations.ask(Read, scripted<ReadContext>(script), { key: undefined, ...as })
}

const number = (value: number) => sql<{ n: number }>`SELECT ${value}::int AS n`

describe('round trips', () => {
  test('one statement costs one, several of one tick too', async () => {
    const runtime = fresh()
    const single = await asked(async ({ tx }) => ({ value: (await tx.one(number(7))).n }), {
      runtime,
    })
    assert.deepEqual([single.status, single.body, single.trips], [200, { value: 7 }, 1])
    const several = await asked(
      async ({ tx }) => {
        const all = await Promise.all([1, 2, 3].map((n) => tx.one(number(n))))
        return { value: all.reduce((sum, { n }) => sum + n, 0) }
      },
      { runtime },
    )
    assert.deepEqual([several.body, several.trips], [{ value: 6 }, 1])
  })

  test('no statement costs none', async () => {
    assert.equal((await asked(() => ({ value: 1 }))).trips, 0)
  })

  test('two in turn are one snapshot; that it needs one is found out once', async () => {
    const runtime = fresh()
    let runs = 0
    const script = async ({ tx }: ReadContext) => {
      runs++
      const { count } = await tx.one(entryCount)
      await operations.rows(`INSERT INTO entries (tenant_id, id) VALUES ('acme', ${runs})`)
      const later = await tx.one(entryCount)
      return { value: later.count - count }
    }
    const first = await asked(script, { runtime })
    assert.deepEqual([first.status, first.body, runs], [200, { value: 0 }, 2])
    const second = await asked(script, { runtime })
    assert.deepEqual([second.body, runs], [{ value: 0 }, 3])
    assert.ok(second.trips <= 3, 'two, and a COMMIT that nobody waits for')
  })

  test('a handler that swallows being begun anew is begun anew all the same', async () => {
    let runs = 0
    const { status, body } = await asked(
      async ({ tx }) => {
        runs++
        await tx.one(number(1))
        return {
          value: await tx.one(number(2)).then(
            ({ n }) => n,
            () => -1,
          ),
        }
      },
      { runtime: fresh() },
    )
    assert.deepEqual([status, body, runs], [200, { value: 2 }, 2])
  })
})

test('sees the rows of its tenant alone, and leaves nothing behind', async () => {
  await operations.rows(`INSERT INTO entries (tenant_id, id) VALUES ('acme', 1), ('globex', 2)`)
  const { body } = await asked(async ({ tx }) => {
    const { id } = await tx.one(sql<{ id: number }>`SELECT id FROM entries LIMIT 5`)
    return { value: id }
  })
  assert.deepEqual(body, { value: 1 })
  assert.deepEqual(await operations.traces(), { entries: 2, keys: 0, audit: 0, events: 0, jobs: 0 })
})

test('cannot write, in one trip or in several', async () => {
  const runtime = fresh()
  for (const before of [0, 1]) {
    const { status } = await asked(
      async ({ tx }) => {
        for (let turn = 0; turn < before; turn++) await tx.one(number(1))
        await tx.query(insertEntry(1))
        return {}
      },
      { runtime },
    )
    assert.equal(status, 500)
    assert.ok(isFault(operations.lines.pop()?.error, 'HF_QUERY_WRITES'))
  }
  assert.equal(await operations.count('entries'), 0)
})

test('a declared problem is told, and kept nowhere', async () => {
  for (const statements of [0, 1, 2]) {
    const { status, code } = await asked(async ({ tx, fail }) => {
      for (let turn = 0; turn < statements; turn++) await tx.one(number(1))
      throw fail.nowhere()
    })
    assert.deepEqual([status, code], [404, 'nowhere'])
  }
  assert.deepEqual(operations.lines, [])
  assert.equal((await operations.traces())?.audit, 0)
})

test('is cut to its schema, and a bug is 500', async () => {
  assert.deepEqual((await asked(() => ({ value: 1, hidden: 2 }))).body, { value: 1 })
  assert.equal((await asked(() => ({ value: 'one' }))).status, 500)
  const broken = await asked(async ({ tx }) => {
    await tx.query(sql`SELECT 1 / 0 AS oops`)
    return {}
  })
  assert.equal(broken.status, 500)
  assert.doesNotMatch(broken.text, /division/)
  assert.equal(operations.lines.length, 2)
})

test('a connection that was lost costs a trip more, and no error', async () => {
  const runtime = fresh()
  for (const cut of ['unsent', 'unanswered'] as const) {
    await operations.pool.capabilities()
    void operations.proxy.cutTrip(cut)
    const { status, body } = await asked(
      async ({ tx }) => ({ value: (await tx.one(number(7))).n }),
      { runtime },
    )
    assert.deepEqual([status, body], [200, { value: 7 }])
  }
})

test('a credential that the database refuses is 401 and is forgotten', async () => {
  const credential = { kind: 'api-key', id: randomUUID() } as const
  const runtime = fresh()
  for (const statements of [1, 2]) {
    const { status } = await asked(
      async ({ tx }) => {
        for (let turn = 0; turn < statements; turn++) await tx.one(number(1))
        return {}
      },
      { credential, runtime },
    )
    assert.equal(status, 401)
    assert.deepEqual(operations.refused.splice(0), [credential])
  }
})

describe('time', () => {
  test('that is over begins nothing', async () => {
    const { status, trips } = await asked(({ tx }) => tx.one(number(1)), { timeoutMs: 0 })
    assert.deepEqual([status, trips], [504, 0])
  })

  test('that runs out ends what runs', async () => {
    const runtime = fresh()
    for (const statements of [1, 2]) {
      const { status, code } = await asked(
        async ({ tx }) => {
          for (let turn = 1; turn < statements; turn++) await tx.one(number(1))
          await tx.query(sql`SELECT pg_sleep(30)`.bounded(1))
          return {}
        },
        { timeoutMs: 300, runtime },
      )
      assert.deepEqual([status, code], [504, 'deadline-exceeded'])
    }
  })

  test('whoever leaves while it waits for a connection has nothing sent for it', async () => {
    const held = await Promise.all([operations.pool.acquire(), operations.pool.acquire()])
    const leaving = operations.leaving()
    const answer = asked(({ tx }) => tx.one(number(1)), { callerGone: leaving.callerGone })
    await operations.poolWaits(1)
    const { statements } = operations.pool.metrics()
    leaving.leave()
    for (const connection of held) await connection.release()
    assert.equal((await answer).status, 503)
    assert.ok(operations.pool.metrics().statements - statements <= 1, 'no more than a ROLLBACK')
  })

  test('whoever leaves has the running statement ended', async () => {
    const leaving = operations.leaving()
    const answer = asked(
      async ({ tx }) => {
        await tx.query(sql`SELECT pg_sleep(29)`.bounded(1))
        return {}
      },
      { callerGone: leaving.callerGone },
    )
    await operations.serverRuns('pg_sleep(29)')
    leaving.leave()
    assert.equal((await answer).status, 503)
  })
})

test('ends with its handler: what comes later is refused, with both stacks', async () => {
  let late: ReadContext['tx'] | undefined
  await asked(({ tx }) => {
    late = tx
    return {}
  })
  await assert.rejects(
    async () => late?.one(number(1)),
    (error) => {
      assert.ok(isFault(error, 'HF_SCOPE_CLOSED'))
      assert.match(String(error.stack), /execute-query\.test/)
      assert.match(String((error.cause as Error).stack), /ended here/)
      return true
    },
  )
})

test('what nobody awaits holds no connection', async () => {
  const { status } = await asked(({ tx }) => {
    tx.one(number(1)).catch(() => {})
    return {}
  })
  assert.equal(status, 200)
})
