import assert from 'node:assert/strict'
import { randomInt, randomUUID } from 'node:crypto'
import { getEventListeners } from 'node:events'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { sql } from '../database/sql.ts'
import { hasState } from '../database/sqlstate.ts'
import type { Statement } from '../database/statement.ts'
import {
  app,
  insertEntry,
  scripted,
  Take,
  type TakeContext,
  Tidy,
  TidyOutside,
  tables,
  Write,
  type WriteContext,
  Written,
} from '../testing/scripted-app.ts'
import { TestOperations } from '../testing/test-operations.ts'
import { testGate } from '../testing/test-signal.ts'
import { actJob, type JobWork, runJob, runSubscription } from './execute-work.ts'
import type { JobActContext, JobRunContext } from './handler.ts'
import type { RegisteredJob } from './registered.ts'

let operations: TestOperations
before(async () => {
  operations = await TestOperations.start({ app, tables })
})
beforeEach(() => operations.clear())
afterEach(() => operations.assertNothingHeld())
after(() => operations.stop())

type RunContext = JobRunContext<typeof Tidy.payload, object, unknown>
type ActContext = JobActContext<typeof Tidy.payload, unknown>

function jobOf(name: string): RegisteredJob {
  return operations.runtime.registry.jobs.get(name) as RegisteredJob
}

function workOf(payload: unknown, facts: Partial<JobWork> = {}): JobWork {
  return {
    id: randomUUID(),
    name: Tidy.name,
    queue: 'default',
    payload,
    attempt: 1,
    attemptsMax: 20,
    key: undefined,
    enqueuedAt: '2026-01-01T00:00:00.000000Z',
    tenant: 'acme',
    requestId: 'request-1',
    traceparent: undefined,
    signal: new AbortController().signal,
    ...facts,
  }
}

const run = (
  script: (context: RunContext) => unknown,
  fence: readonly Statement[] = [],
  facts: Partial<JobWork> = {},
) =>
  runJob(operations.runtime, jobOf(Tidy.name), workOf(scripted<RunContext>(script), facts), fence)

const act = (script: (context: ActContext) => unknown, facts: Partial<JobWork> = {}) =>
  actJob(operations.runtime, jobOf(TidyOutside.name), workOf(scripted<ActContext>(script), facts))

const lost = sql`SELECT holdfast.require(false, 'HF003', 'the lease is lost')`
const nothing = { entries: 0, keys: 0, audit: 0, events: 0, jobs: 0 }

describe('a job in a transaction', () => {
  test('commits its rows, events, jobs and called commands with its fence', async () => {
    const inner = scripted<TakeContext>(async ({ tx }) => {
      await tx.query(sql`INSERT INTO pieces (sku, left_over) VALUES ('a', 1)`)
      return {}
    })
    await run(
      async ({ tx, scope }) => {
        assert.deepEqual([scope.tenant, scope.principal.id], ['acme', Tidy.name])
        await tx.query(insertEntry(1))
        await tx.call(Take, inner)
        tx.emit(Written, { value: 1 })
        tx.enqueue(TidyOutside, { script: 'none' })
      },
      [insertEntry(2)],
    )
    assert.deepEqual(await operations.traces(), {
      ...nothing,
      entries: 2,
      audit: 1,
      events: 1,
      jobs: 1,
    })
    const [audit] = await operations.rows(
      'SELECT actor, operation, parent, request_id FROM holdfast.audit_entries',
    )
    const who = { actor: Tidy.name, operation: Take.name }
    assert.deepEqual(audit, { ...who, parent: null, request_id: 'request-1' })
    const [event] = await operations.rows('SELECT cause, request_id FROM holdfast.events')
    assert.deepEqual(event, { cause: Tidy.name, request_id: 'request-1' })
  })

  test('costs k + 1 trips, its fence none', async () => {
    const { roundTrips } = operations.pool.metrics()
    await run(({ tx }) => tx.query(insertEntry(1)), [insertEntry(2)])
    assert.equal(operations.pool.metrics().roundTrips - roundTrips, 2)
  })

  test('undoes everything where its fence raises, and does not run again', async () => {
    let runs = 0
    await assert.rejects(
      run(
        async ({ tx }) => {
          runs++
          await tx.query(insertEntry(1))
          tx.emit(Written, { value: 1 })
        },
        [lost],
      ),
      (error) => hasState(error, 'HF003'),
    )
    assert.equal(runs, 1)
    assert.deepEqual(await operations.traces(), nothing)
  })

  test('runs again where it has collided, with fresh buffers', async () => {
    let runs = 0
    await run(async ({ tx }) => {
      tx.emit(Written, { value: ++runs })
      if (runs === 1) await tx.query(sql`DO $$ BEGIN RAISE serialization_failure; END $$`)
    })
    assert.equal(runs, 2)
    assert.equal(await operations.count('holdfast.events'), 1)
  })

  test('is done once, whichever trip is lost', async () => {
    for (const cut of ['unsent', 'unanswered'] as const) {
      for (let skip = 0; skip < 2; skip++) {
        await operations.clear()
        await operations.pool.capabilities()
        void operations.proxy.cutTrip(cut, { skip })
        await run(({ tx }) => tx.query(insertEntry(1)), [insertEntry(2)])
        assert.equal(await operations.count('entries'), 2)
      }
    }
  })

  test('fails with its own error, and has left nothing', async () => {
    const error = new Error('no')
    const failing = run(async ({ tx }) => {
      await tx.query(insertEntry(1))
      throw error
    })
    await assert.rejects(failing, error)
    const swallowing = run(async ({ tx }) => {
      await tx.query(insertEntry(1))
      await tx.query(insertEntry(1)).catch(() => {})
    })
    await assert.rejects(swallowing, (error) => hasState(error, '23505'))
    const unawaited = run(({ tx }) => {
      tx.call(
        Take,
        scripted<TakeContext>(() => ({})),
      ).catch(() => {})
    })
    await assert.rejects(unawaited, (error) => isFault(error, 'HF_SCOPE_CLOSED'))
    assert.deepEqual(await operations.traces(), nothing)
  })

  test('with a payload that does not fit is not begun', async () => {
    const work = workOf({ script: 5 })
    await assert.rejects(
      () => runJob(operations.runtime, jobOf(Tidy.name), work, []),
      (error) => isFault(error, 'HF_EVENT_INVALID'),
    )
  })

  test('ends when its loop does, and listens to it no longer', async () => {
    const loop = new AbortController()
    const running = run(({ tx }) => tx.query(sql`SELECT pg_sleep(28)`.bounded(1)), [], {
      signal: loop.signal,
    })
    await operations.serverRuns('pg_sleep(28)')
    loop.abort()
    await assert.rejects(running, (error) => isFault(error, 'HF_CANCELLED'))
    assert.deepEqual(getEventListeners(loop.signal, 'abort'), [])
    let runs = 0
    const late = run(({ tx }) => tx.query(insertEntry(++runs)), [], { signal: loop.signal })
    await assert.rejects(late, (error) => isFault(error, 'HF_CANCELLED'))
    assert.equal(await operations.count('entries'), 0)
  })

  test('does not see another tenant, whatever its payload names', async () => {
    await operations.rows(`INSERT INTO entries (tenant_id, id) VALUES ('globex', 1)`)
    await run(async ({ tx }) => {
      assert.equal(await tx.maybeOne(sql`SELECT id FROM entries WHERE id = 1`), undefined)
      await tx.query(sql`UPDATE entries SET note = 'x' WHERE id = 1`)
    })
    const foreign = run(({ tx }) =>
      tx.query(sql`INSERT INTO entries (tenant_id, id) VALUES ('globex', 2)`),
    )
    await assert.rejects(foreign, (error) => hasState(error, '42501'))
    const rows = await operations.rows('SELECT tenant_id, note FROM entries')
    assert.deepEqual(rows, [{ tenant_id: 'globex', note: '' }])
  })
})

describe('a job that calls outside', () => {
  const add = scripted<WriteContext>(async ({ tx }) => {
    await tx.query(insertEntry(randomInt(1e9)))
    return {}
  })

  test('finds what an earlier attempt has done', async () => {
    const id = randomUUID()
    const script = async ({ call, job }: ActContext) => {
      await call(Write, add)
      if (job.attempt === 1) throw new Error('crashed in between')
      await call(Write, add)
    }
    const work = workOf(scripted<ActContext>(script), { id })
    const job = jobOf(TidyOutside.name)
    await assert.rejects(actJob(operations.runtime, job, work), /in between/)
    await actJob(operations.runtime, job, { ...work, attempt: 2 })
    assert.equal(await operations.count('entries'), 2)
  })

  test('acts for its tenant, under its own name', async () => {
    await act(({ call }) => call(Write, add), { tenant: 'globex' })
    const [audit] = await operations.rows('SELECT tenant, actor FROM holdfast.audit_entries')
    assert.deepEqual(audit, { tenant: 'globex', actor: TidyOutside.name })
  })

  test('is left behind when its loop ends, and can call nothing more', async () => {
    const loop = new AbortController()
    const [begun, go, done] = [testGate(), testGate(), testGate()]
    let late: unknown
    const acting = act(
      async ({ call }) => {
        begun.open()
        await go.passed
        late = await call(Write, add).catch((error) => error)
        done.open()
      },
      { signal: loop.signal },
    )
    await begun.passed
    loop.abort()
    await assert.rejects(acting, (error) => isFault(error, 'HF_CANCELLED'))
    go.open()
    await done.passed
    assert.ok(isFault(late, 'HF_SCOPE_CLOSED'))
    assert.deepEqual(getEventListeners(loop.signal, 'abort'), [])
  })
})

test('a subscription moves on with what it wrote, or with nothing', async () => {
  const subscription = operations.runtime.registry.subscriptions.get('ledger.on-written')
  assert.ok(subscription)
  const { signal } = new AbortController()
  const event = {
    ...{ id: randomUUID(), name: Written.name, key: '7', position: '1', tenant: 'acme' },
    ...{ at: '2026-01-01T00:00:00.000000Z', requestId: 'r', traceparent: undefined, signal },
  }
  const handle = (payload: unknown, fence: readonly Statement[]) =>
    runSubscription(operations.runtime, subscription, { ...event, payload }, fence)
  await assert.rejects(handle({ value: 7 }, [lost]), (error) => hasState(error, 'HF003'))
  assert.equal(await operations.count('entries'), 0)
  await handle({ value: 7 }, [])
  assert.deepEqual(await operations.rows('SELECT tenant_id, id FROM entries'), [
    { tenant_id: 'acme', id: -7 },
  ])
  await assert.rejects(
    () => handle({ value: 'seven' }, []),
    (error) => isFault(error, 'HF_EVENT_INVALID'),
  )
})
