/** What comes in between: lost connections, callers that leave, time that runs out. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { getEventListeners } from 'node:events'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { sql } from '../database/sql.ts'
import { isAnswered } from '../runtime/answered-failures.ts'
import {
  app,
  insertEntry,
  Read,
  type ReadContext,
  scripted,
  tables,
  Write,
  type WriteContext,
  WriteLimited,
  WriteLittle,
  WriteNaturally,
  Written,
} from '../testing/scripted-app.ts'
import { TestOperations } from '../testing/test-operations.ts'
import { testGate } from '../testing/test-signal.ts'

let operations: TestOperations
before(async () => {
  operations = await TestOperations.start({ app, tables, pool: { connectionsMax: 2 } })
})
beforeEach(() => operations.clear())
afterEach(() => operations.assertNothingHeld())
after(() => operations.stop())

const write = (script: (context: WriteContext) => unknown) => scripted<WriteContext>(script)
const one = write(async ({ tx }) => {
  await tx.query(insertEntry(1))
  return { value: 1 }
})
const who = sql<{
  who: string
}>`SELECT current_user || ' ' || current_setting('holdfast.tenant') AS who`
const nothing = { entries: 0, keys: 0, audit: 0, events: 0, jobs: 0 }
const oneOfEach = { ...nothing, entries: 1, keys: 1, audit: 1 }

describe('a lost connection', () => {
  const states = [
    ['with a key', Write, {}],
    ['without a key', WriteNaturally, { key: undefined }],
  ] as const
  const scripts = {
    awaited: one,
    deferred: write(({ tx }) => {
      tx.defer(insertEntry(1))
      return { value: 1 }
    }),
  }
  for (const [title, contract, as] of states) {
    for (const [kind, input] of Object.entries(scripts)) {
      for (const cut of ['unsent', 'unanswered'] as const) {
        test(`at any trip, ${cut}: ${title}, ${kind}: done once, and the caller is told`, async () => {
          const keys = contract === Write ? 1 : 0
          for (let skip = 0; skip < 2; skip++) {
            await operations.clear()
            await operations.pool.capabilities()
            void operations.proxy.cutTrip(cut, { skip })
            const { status, body } = await operations.ask(contract, input, as)
            assert.deepEqual([status, body], [200, { value: 1 }])
            assert.deepEqual(await operations.traces(), { ...oneOfEach, keys })
            operations.proxy.stopCutting()
          }
        })
      }
    }
  }

  test('where a refusal is kept: told once it is', async () => {
    for (const cut of ['unsent', 'unanswered'] as const) {
      for (let skip = 0; skip < 2; skip++) {
        await operations.clear()
        await operations.pool.capabilities()
        void operations.proxy.cutTrip(cut, { skip })
        const input = write(async ({ tx, fail }) => {
          await tx.query(insertEntry(1))
          throw fail.nowhere()
        })
        assert.equal((await operations.ask(Write, input)).status, 404)
        assert.deepEqual(await operations.traces(), { ...nothing, keys: 1, audit: 1 })
      }
    }
  })
})

describe('a caller that leaves, time that runs out', () => {
  test('without time nothing is begun', async () => {
    const { status, code, trips } = await operations.ask(Write, one, { timeoutMs: 0 })
    assert.deepEqual([status, code, trips], [504, 'deadline-exceeded', 0])
  })

  test('a handler whose time ends is stopped, and has left nothing', async () => {
    const { status, code } = await operations.ask(
      WriteLittle,
      write(async ({ tx }) => {
        await tx.query(insertEntry(1))
        await tx.query(sql`SELECT pg_sleep(30)`)
        return {}
      }),
    )
    assert.deepEqual([status, code], [504, 'deadline-exceeded'])
    assert.deepEqual(await operations.traces(), nothing)
  })

  test('also while it waits for a lock', async () => {
    await operations.ask(Write, one)
    const locked = await operations.lockEntries()
    const { status, code } = await operations.ask(
      WriteLittle,
      write(async ({ tx }) => {
        await tx.query(sql`UPDATE entries SET note = 'x' WHERE id = 1`)
        return {}
      }),
    )
    await locked()
    assert.deepEqual([status, code], [504, 'deadline-exceeded'])
  })

  test('whoever leaves while it waits for a connection has nothing sent for it', async () => {
    const held = await Promise.all([operations.pool.acquire(), operations.pool.acquire()])
    const leaving = operations.leaving()
    const answer = operations.ask(Write, one, { callerGone: leaving.callerGone })
    await operations.poolWaits(1)
    const { statements } = operations.pool.metrics()
    leaving.leave()
    for (const connection of held) await connection.release()
    assert.equal((await answer).status, 503)
    assert.ok(operations.pool.metrics().statements - statements <= 1, 'no more than a ROLLBACK')
    assert.deepEqual(await operations.traces(), nothing)
  })

  test('nobody listens to the signal any more once it has ended', async () => {
    const signals: AbortSignal[] = []
    for (const end of [() => ({}), ({ fail }: WriteContext) => Promise.reject(fail.nowhere())]) {
      const script = async (context: WriteContext) => {
        signals.push(context.scope.signal)
        await context.tx.query(insertEntry(1))
        return end(context)
      }
      await operations.ask(Write, write(script))
    }
    for (const signal of signals) assert.deepEqual(getEventListeners(signal, 'abort'), [])
    assert.equal(signals.length, 2)
  })

  test('a statement that nobody waits for ends at the deadline, though its handler has failed', async () => {
    const { status } = await operations.ask(
      Write,
      write(async ({ tx }) => {
        await tx.query(insertEntry(1))
        tx.query(sql`SELECT pg_sleep(30)`).catch(() => {})
        await operations.serverRuns('pg_sleep(30)')
        throw new Error('no')
      }),
      { timeoutMs: 1_000 },
    )
    assert.equal(status, 500)
    assert.deepEqual(await operations.traces(), nothing)
  })
})

describe('promises that nobody awaits', () => {
  test('a statement asked for while its transaction waits to close is refused, and nothing leaks', async () => {
    const held = await Promise.all([operations.pool.acquire(), operations.pool.acquire()])
    const late = testGate()
    let error: unknown
    const answers = [one, write(({ fail }) => Promise.reject(fail.nowhere()))].map((_, index) =>
      operations.ask(
        Write,
        write(({ tx, fail }) => {
          void late.passed.then(async () => {
            try {
              await tx.query(insertEntry(7))
            } catch (thrown) {
              error = thrown
            }
          })
          if (index === 1) throw fail.nowhere()
          return {}
        }),
      ),
    )
    await operations.poolWaits(2)
    late.open()
    await new Promise(setImmediate)
    assert.ok(isFault(error, 'HF_SCOPE_CLOSED'))
    for (const connection of held) await connection.release()
    assert.deepEqual(
      (await Promise.all(answers)).map(({ status }) => status),
      [200, 404],
    )
    assert.equal((await operations.traces())?.entries, 0)
  })

  /** What would end the process, while `work` runs. */
  async function unhandledDuring(work: () => Promise<unknown>): Promise<unknown[]> {
    const unhandled: unknown[] = []
    // The test runner listens too, and fails the test.
    const listeners = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', (reason) => unhandled.push(reason))
    await work()
    await new Promise(setImmediate)
    process.removeAllListeners('unhandledRejection')
    for (const listener of listeners) process.on('unhandledRejection', listener)
    return unhandled
  }

  test('what the operation is answered with is told once, and ends no process', async () => {
    await operations.ask(Write, one)
    const scripts: ((context: WriteContext) => unknown)[] = [
      async ({ tx }) => {
        const first = tx.query(insertEntry(1))
        const second = tx.maybeOne(sql`SELECT 1 AS one`)
        await first
        await second
      },
      async ({ tx }) => {
        const built = tx.db.selectFrom('entries').select('id').limit(1).execute()
        await tx.query(insertEntry(1))
        await built
      },
      async ({ tx, fail }) => {
        const read = tx.maybeOne(sql`SELECT 1 AS one`)
        await Promise.resolve()
        if (read instanceof Promise) throw fail.idTaken()
        await read
      },
    ]
    for (const script of scripts) {
      let code: unknown
      const unhandled = await unhandledDuring(async () => {
        code = (await operations.ask(Write, write(script))).code
      })
      assert.equal(code, 'id-taken')
      assert.ok(unhandled.length > 0)
      assert.ok(unhandled.every(isAnswered))
    }
  })

  test('what is left behind on a closed transaction is nobody else to tell', async () => {
    const late = testGate()
    const unhandled = await unhandledDuring(async () => {
      await operations.ask(
        Write,
        write(({ tx }) => {
          void late.passed.then(() => tx.query(insertEntry(1)))
          return {}
        }),
      )
      late.open()
    })
    assert.equal(unhandled.length, 1)
    assert.ok(isFault(unhandled[0], 'HF_SCOPE_CLOSED'))
    assert.ok(!isAnswered(unhandled[0]))
  })
})

describe('a credential that is refused by the database', () => {
  const credential = { kind: 'api-key', id: randomUUID() } as const
  const endings = {
    'a statement': one,
    'no statement': write(() => ({})),
    'a refusal': write(({ fail }) => Promise.reject(fail.nowhere())),
    'an error caught': write(async ({ tx, fail }) => {
      await tx.query(insertEntry(1)).catch(() => {
        throw fail.nowhere()
      })
    }),
  }
  for (const [title, input] of Object.entries(endings)) {
    test(`is 401 and is forgotten, with ${title}`, async () => {
      for (const [contract, key] of [
        [Write, randomUUID()],
        [WriteNaturally, undefined],
      ] as const) {
        const { status, headers } = await operations.ask(contract, input, { credential, key })
        assert.equal(status, 401)
        assert.equal(headers['www-authenticate'], 'Bearer')
        assert.deepEqual(operations.refused.splice(0), [credential])
      }
      assert.deepEqual(await operations.traces(), nothing)
    })
  }

  test('gets no replay either', async () => {
    const key = randomUUID()
    await operations.ask(Write, one, { key })
    const { status } = await operations.ask(Write, one, { key, credential })
    assert.equal(status, 401)
    assert.deepEqual(operations.refused, [credential])
  })
})

test('where statements are sent one by one, all of it holds as well', async () => {
  const pool = { pipelining: false, namedStatements: false }
  const slow = await TestOperations.start({ app, tables, pool })
  const key = randomUUID()
  const answers = [
    await slow.ask(Write, one, { key }),
    await slow.ask(Write, one, { key }),
    await slow.ask(Write, one),
    await slow.ask(
      Write,
      write(({ tx }) => {
        tx.defer(insertEntry(2, '', 1))
        tx.defer(insertEntry(3, '', 1))
        return {}
      }),
    ),
    await slow.ask(
      WriteNaturally,
      write(({ fail }) => Promise.reject(fail.nowhere())),
    ),
    await slow.ask(
      WriteNaturally,
      write(async ({ tx }) => ({ note: (await tx.one(who)).who })),
    ),
    await slow.ask(
      Read,
      scripted<ReadContext>(async ({ tx }) => ({ note: (await tx.one(who)).who })),
    ),
    await slow.ask(Write, one, { credential: { kind: 'api-key', id: randomUUID() } }),
  ]
  assert.deepEqual(
    answers.map(({ status, code, replayed }) => [status, code ?? replayed]),
    [
      [200, false],
      [200, true],
      [409, 'id-taken'],
      [409, 'slot-taken'],
      [404, 'nowhere'],
      [200, false],
      [200, false],
      [401, 'unauthenticated'],
    ],
  )
  for (const index of [5, 6]) assert.equal(answers[index]?.body.note, 'holdfast_app acme')
  assert.deepEqual(await slow.traces(), { ...oneOfEach, keys: 5, audit: 5 })
  await slow.assertNothingHeld()
  await slow.stop()
})

test('a pool without a free connection is 503, and leaves nothing', async (t) => {
  // Enough to connect on a busy machine.
  const pool = { connectionsMax: 1, acquireTimeoutMs: 2_000 }
  const small = await TestOperations.start({ app, tables, pool })
  t.after(() => small.stop())
  const held = await small.pool.acquire()
  const { status, headers } = await small.ask(Write, one)
  assert.deepEqual([status, headers['retry-after']], [503, '1'])
  await held.release()
  assert.equal((await small.ask(Write, one)).status, 200)
  await small.assertNothingHeld()
})

test('every reply of a limited command tells where its caller stands, a stored one does not', async () => {
  let left = 9
  const limiter = {
    check: () => ({ allowed: left > 0, retryAfterMs: 900, headers: { ratelimit: `${left--}` } }),
  }
  const runtime = { ...operations.runtime, limiter }
  const key = randomUUID()
  const told: unknown[] = []
  for (const [input, as] of [
    [one, { key }],
    [one, { key }],
    [{ script: 5 }, {}],
    [one, { key: undefined }],
    [one, { permissions: [] }],
    [write(({ fail }) => Promise.reject(fail.nowhere())), {}],
    [write(({ fail }) => Promise.reject(fail.notNow())), {}],
  ] as const) {
    const { status, headers } = await operations.ask(WriteLimited, input, { ...as, runtime })
    told.push([status, headers.ratelimit])
  }
  const statuses = [200, 200, 422, 400, 403, 404, 409]
  assert.deepEqual(
    told,
    statuses.map((status, index) => [status, `${9 - index}`]),
  )
  left = 0
  const { status, headers } = await operations.ask(WriteLimited, one, { runtime })
  assert.deepEqual([status, headers.ratelimit, headers['retry-after']], [429, '0', '1'])
  const kept = await operations.rows('SELECT headers FROM holdfast.idempotency_keys')
  assert.deepEqual(new Set(kept.map(({ headers }) => headers)), new Set(['{}']))
})

test('loops are woken for what was committed, and for nothing else', async () => {
  const woken: unknown[] = []
  const runtime = { ...operations.runtime, wake: (what: unknown) => woken.push(what) }
  const emit = write(({ tx }) => {
    tx.emit(Written, { value: 1 })
    return {}
  })
  const refuse = write(({ tx, fail }) => {
    tx.emit(Written, { value: 1 })
    throw fail.nowhere()
  })
  for (const input of [emit, refuse, one]) await operations.ask(Write, input, { runtime })
  assert.deepEqual(woken, [{ events: true, jobs: false }])
})

test('a deferred write that meets a table rewritten meanwhile runs again: no version was stale', async () => {
  await operations.ask(Write, one)
  let runs = 0
  const script = write(async ({ tx, fail }) => {
    await tx.query(sql`SELECT 1 AS snapshot`)
    if (runs++ === 0) {
      await operations.rows(`DO $$ BEGIN
        ALTER TABLE entries ALTER COLUMN note TYPE varchar USING note || '';
        PERFORM setval('holdfast.schema_change', pg_current_xact_id()::text::bigint);
      END $$`)
    }
    const update = sql`UPDATE entries SET note = 'new' WHERE id = 1`
    tx.defer(update, { rows: 1, otherwise: fail.stale() })
    return {}
  })
  assert.equal((await operations.ask(Write, script)).status, 200)
  assert.equal(runs, 2)
  const [entry] = await operations.rows('SELECT note FROM entries')
  assert.equal(entry?.note, 'new')
})
