import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { HoldfastError } from '../../base/fault.ts'
import { runAsLoops } from '../../database/as-loops.ts'
import type { StatementError } from '../../database/sqlstate.ts'
import { silentLog } from '../../runtime/log.ts'
import { processName } from '../../runtime/process-liveness.ts'
import {
  append,
  drain,
  effectHandler,
  effectsOf,
  eventDatabase,
  newEvent,
  newRelay,
} from '../../testing/event-bench.ts'
import { goneProcess, noGoneProcess } from '../../testing/gone-process.ts'
import { tableRows } from '../../testing/job-bench.ts'
import { loopSuite } from '../../testing/loop-suite.ts'
import type { StateDatabase } from '../../testing/state-database.ts'
import { testGate, testSignal } from '../../testing/test-signal.ts'
import { appendEvents, parkedEvents, type StoredEvent } from './event.ts'
import type { SubscriptionHandler } from './relay.ts'

let database: StateDatabase
before(async () => {
  database = await eventDatabase()
})
after(() => database.drop())

/** The log stays; each test has subscriptions and event names of its own. */
let round = 0
let name: string
let event: string
beforeEach(() => {
  round++
  name = `reporting.sums-${round}`
  event = `ordering.placed-${round}`
})

const handlerOf = (options: Parameters<typeof effectHandler>[3] = {}) =>
  effectHandler(database.pool, name, [event], options)

async function keysOf(subscription = name): Promise<unknown[]> {
  return (await effectsOf(database, subscription)).map((effect) => effect.payload)
}

loopSuite('relay', (signals) => ({
  loop: newRelay(database.pool, [effectHandler(database.pool, 'suite.any', ['none.such'])], {
    signals,
  }),
}))

describe('relay', () => {
  test('hands an event over as it was appended', async () => {
    const seen: StoredEvent[] = []
    const facts = { traceparent: '00-1-2-01', requestId: 'req-1', cause: 'ordering.place-order' }
    const sent = { ...newEvent(event, 'order-7', { total: 12 }), version: 2, ...facts }
    await append(database, sent)
    const relay = newRelay(database.pool, [
      handlerOf({ meanwhile: (each) => void seen.push(each) }),
    ])
    await drain(relay)
    const { position, at, ...rest } = seen[0] as StoredEvent
    assert.ok(position > 0 && at.endsWith('Z'))
    assert.deepEqual(
      { ...rest, behind: false },
      {
        id: sent.id,
        tenant: 'acme',
        name: event,
        version: 2,
        key: 'order-7',
        payload: { total: 12 },
        ...facts,
        behind: false,
      },
    )
    await relay.stop()
  })

  test('brings every event once, in order, also over several pages and to several subscriptions', async () => {
    const events = Array.from({ length: 250 }, (_, n) => newEvent(event, `k${n % 7}`, n))
    await append(database, ...events)
    const other = `${name}-other`
    const handlers = [handlerOf(), effectHandler(database.pool, other, [event, 'no.other'])]
    const relay = newRelay(database.pool, handlers)
    await drain(relay)
    const all = Array.from({ length: 250 }, (_, n) => n)
    assert.deepEqual(await keysOf(), all)
    assert.deepEqual(await keysOf(other), all)
    await drain(relay)
    assert.equal((await keysOf()).length, 250)
    await relay.stop()
  })

  test('goes on where it was, in another process', async () => {
    await append(database, newEvent(event, 'a', 1))
    const first = newRelay(database.pool, [handlerOf()])
    await drain(first)
    await first.stop()
    await append(database, newEvent(event, 'a', 2))
    const second = newRelay(database.pool, [handlerOf()])
    await drain(second)
    assert.deepEqual(await keysOf(), [1, 2])
    await second.stop()
  })

  test('begins with the whole log, or with what comes from now on', async () => {
    await append(database, newEvent(event, 'a', 'before'))
    const now = effectHandler(database.pool, `${name}-now`, [event], { from: 'now' })
    const relay = newRelay(database.pool, [handlerOf(), now])
    await relay.register()
    await append(database, newEvent(event, 'a', 'after'))
    await drain(relay)
    assert.deepEqual(await keysOf(), ['before', 'after'])
    assert.deepEqual(await keysOf(now.name), ['after'])
    await relay.stop()
  })

  test('an event in a rolled back transaction is never seen', async () => {
    const failure = new Error('refused')
    const doomed = database.transaction('acme', async (tx) => {
      await tx.query(appendEvents([newEvent(event, 'a', 'ghost')]))
      throw failure
    })
    await assert.rejects(doomed, failure)
    await append(database, newEvent(event, 'a', 'real'))
    const relay = newRelay(database.pool, [handlerOf()])
    await drain(relay)
    assert.deepEqual(await keysOf(), ['real'])
    await relay.stop()
  })

  test('works when started, and when woken', async () => {
    const handled = testSignal<void>('handled')
    const signals = { eventEnded: () => handled.emit() }
    const relay = newRelay(database.pool, [handlerOf()], { intervalMs: 60_000, signals })
    relay.start()
    await append(database, newEvent(event, 'a', 1))
    relay.wake()
    await handled.next()
    await relay.stop()
    const rows = await tableRows(database, 'subscriptions')
    assert.equal(rows.find((row) => row.name === name)?.holder, null, 'the lease was kept')
  })

  test('remembers how far it has looked, once that is far', async () => {
    const relay = newRelay(database.pool, [handlerOf()])
    await drain(relay)
    const others = Array.from({ length: 1_100 }, (_, n) => newEvent('of.others', undefined, n))
    await append(database, ...others)
    await drain(relay)
    await relay.stop()
    const rows = await tableRows(database, 'subscriptions')
    const [last] = await runAsLoops(database.pool, {
      text: 'SELECT max(position) AS position FROM holdfast.events',
      values: [],
    })
    const mine = rows.find((row) => row.name === name)
    assert.equal(mine?.position, last?.rows[0]?.position)
  })
})

describe('two relays', () => {
  test('share the work by lease, and one takes over when the other stops', async () => {
    const first = newRelay(database.pool, [handlerOf()])
    const second = newRelay(database.pool, [handlerOf()])
    await drain(first)
    await append(database, newEvent(event, 'a', 1))
    await drain(second)
    assert.deepEqual(await keysOf(), [], 'the first one has the lease')
    await first.stop()
    await drain(second)
    assert.deepEqual(await keysOf(), [1])
    await second.stop()
  })

  test('wait for a lease while its process lives, and not once it is gone', {
    skip: noGoneProcess,
  }, async () => {
    const holdAs = (process: string) =>
      runAsLoops(database.pool, {
        text: `UPDATE holdfast.subscriptions
SET holder = $2, lease_until = clock_timestamp() + interval '1 h' WHERE name = $1`,
        values: [name, `019a5f3e-7c1d-7000-8a5b-3f2e1d0c9b8a@${process}`],
      })
    const relay = newRelay(database.pool, [handlerOf()])
    await relay.register()
    await append(database, newEvent(event, 'a', 1))
    for (const unsure of [processName(), 'elsewhere:4711']) {
      await holdAs(unsure)
      await drain(relay)
      assert.deepEqual(await keysOf(), [], unsure)
    }
    await holdAs(await goneProcess())
    await drain(relay)
    assert.deepEqual(await keysOf(), [1])
    await relay.stop()
  })
})

describe('a failing event', () => {
  /** Fails while its payload is on the list. */
  function failingOn(...payloads: unknown[]) {
    const bad = new Set(payloads)
    const meanwhile = (each: StoredEvent) => {
      if (bad.has(each.payload)) throw new Error(`cannot handle ${each.payload}`)
    }
    return { bad, handler: (more = {}) => handlerOf({ meanwhile, ...more }) }
  }

  test('is parked with what follows of its key; other keys go on; order per key is kept', async () => {
    const { bad, handler } = failingOn('a1')
    const backoff = { baseMs: 3_600_000, capMs: 3_600_000 }
    await append(
      database,
      ...['a1', 'b1', 'a2', 'b2', 'a3'].map((each) => newEvent(event, each[0] as string, each)),
    )
    const relay = newRelay(database.pool, [handler({ backoff })])
    await drain(relay)
    await append(database, newEvent(event, 'a', 'a4'), newEvent(event, 'b', 'b3'))
    await drain(relay)
    assert.deepEqual(await keysOf(), ['b1', 'b2', 'b3'])
    bad.clear()
    await drain(relay)
    assert.equal((await keysOf()).length, 3, 'its backoff is not over')
    await parkedEvents.replay(database.pool, { subscription: name, eventsMax: 10 })
    await drain(relay)
    assert.deepEqual(await keysOf(), ['b1', 'b2', 'b3', 'a1', 'a2', 'a3', 'a4'])
    assert.deepEqual(
      await parkedEvents.list(database.pool, { subscription: name, eventsMax: 9 }),
      [],
    )
    await relay.stop()
  })

  test('leaves nothing of its transaction behind', async () => {
    const { handler } = failingOn('bad')
    await append(database, newEvent(event, 'a', 'bad'))
    const relay = newRelay(database.pool, [handler()])
    await relay.runOnce()
    assert.deepEqual(await keysOf(), [])
    await relay.stop()
  })

  test('keys of two tenants are two keys, and events without one hold nobody up', async () => {
    const { handler } = failingOn('bad')
    const backoff = { baseMs: 3_600_000, capMs: 3_600_000 }
    await append(database, newEvent(event, 'k', 'bad'), newEvent(event, undefined, 'bad'))
    await database.write(
      'globex',
      appendEvents([{ ...newEvent(event, 'k', 'theirs'), tenant: 'globex' }]),
    )
    await append(database, newEvent(event, undefined, 'free'))
    const relay = newRelay(database.pool, [handler({ backoff })])
    await drain(relay)
    assert.deepEqual(await keysOf(), ['theirs', 'free'])
    await relay.stop()
  })

  /** Turns until the given number of parked events is dead. */
  async function untilDead(relay: ReturnType<typeof newRelay>, count: number) {
    const dead = { subscription: name, dead: true, eventsMax: 10 }
    for (;;) {
      await relay.runOnce()
      const found = await parkedEvents.list(database.pool, dead)
      if (found.length === count) return found
    }
  }

  test('is a dead letter when its attempts are used up; its key waits until it is replayed', async () => {
    const { bad, handler } = failingOn('a1')
    await append(database, newEvent(event, 'a', 'a1'), newEvent(event, 'a', 'a2'))
    const relay = newRelay(database.pool, [handler({ attemptsMax: 3 })])
    const [dead] = await untilDead(relay, 1)
    assert.equal(dead?.attempts, 3)
    assert.equal(dead?.lastError, 'Error: cannot handle a1')
    await drain(relay)
    assert.deepEqual(await keysOf(), [], 'order would be broken')
    bad.clear()
    assert.equal(
      await parkedEvents.replay(database.pool, { subscription: name, dead: true, eventsMax: 10 }),
      1,
    )
    await drain(relay)
    assert.deepEqual(await keysOf(), ['a1', 'a2'])
    await relay.stop()
  })

  test('lets its key go on when it is discarded', async () => {
    const { handler } = failingOn('a1')
    await append(database, newEvent(event, 'a', 'a1'), newEvent(event, 'a', 'a2'))
    const relay = newRelay(database.pool, [handler({ attemptsMax: 1 })])
    await relay.runOnce()
    const parked = await parkedEvents.list(database.pool, { subscription: name, eventsMax: 10 })
    assert.deepEqual(
      parked.map((each) => [each.attempts, each.deadAt !== null]),
      [
        [1, true],
        [0, false],
      ],
    )
    await parkedEvents.discard(database.pool, { subscription: name, dead: true, eventsMax: 10 })
    await drain(relay)
    assert.deepEqual(await keysOf(), ['a2'])
    await relay.stop()
  })

  test('is aborted at its timeout, and given up if it does not listen', async () => {
    await append(database, newEvent(event, 'a', 'slow'))
    const slow: SubscriptionHandler = {
      ...handlerOf({ timeoutMs: 1 }),
      handle: () => testGate().passed,
    }
    const relay = newRelay(database.pool, [slow])
    await relay.runOnce()
    const [parked] = await parkedEvents.list(database.pool, { subscription: name, eventsMax: 10 })
    assert.match(parked?.lastError ?? '', /HF_DEADLINE_EXCEEDED/)
    await relay.stop()
  })

  test('is not blamed when the database cannot be reached: the turn is repeated', async () => {
    await append(database, newEvent(event, 'a', 1))
    const outage = new HoldfastError('HF_DATABASE_UNAVAILABLE')
    const handler = { ...handlerOf(), handle: () => Promise.reject(outage) }
    const relay = newRelay(database.pool, [handler])
    await assert.rejects(relay.runOnce(), outage)
    assert.deepEqual(
      await parkedEvents.list(database.pool, { subscription: name, eventsMax: 9 }),
      [],
    )
    await relay.stop()
  })

  test('too many at once hold the subscription: the cause is not in the events', async () => {
    const { handler } = failingOn('x')
    const backoff = { baseMs: 3_600_000, capMs: 3_600_000 }
    await append(database, newEvent(event, 'a', 'x'), newEvent(event, 'b', 'x'))
    const relay = newRelay(database.pool, [handler({ backoff })], { failingMax: 2 })
    await drain(relay)
    await append(database, newEvent(event, 'c', 'fine'))
    await drain(relay)
    assert.deepEqual(await keysOf(), [])
    await parkedEvents.discard(database.pool, { subscription: name, eventsMax: 10 })
    await drain(relay)
    assert.deepEqual(await keysOf(), ['fine'])
    await relay.stop()
  })
})

describe('an appender that stays open', () => {
  test('holds up the events behind it, skips none, and is named', async () => {
    const told = testSignal<Record<string, unknown>>('told')
    const log = { ...silentLog, warn: (fields: object) => told.emit({ ...fields }) }
    const relay = newRelay(database.pool, [handlerOf()], { stallMs: 10, log })
    const open = testGate()
    const drawn = testGate()
    const slow = database.transaction('acme', async (tx) => {
      await tx.query(appendEvents([newEvent(event, 'a', 'first')]))
      drawn.open()
      await open.passed
    })
    await drawn.passed
    await append(database, newEvent(event, 'b', 'second'))
    assert.equal(await relay.runOnce(), 'again')
    assert.deepEqual(await keysOf(), [])
    const { appenders } = await told.next()
    const [holder] = appenders as Record<string, unknown>[]
    assert.equal(holder?.application, 'holdfast')
    assert.equal(holder?.state, 'idle in transaction')
    open.open()
    await slow
    await drain(relay)
    assert.deepEqual(await keysOf(), ['first', 'second'])
    await relay.stop()
  })
})

describe('the event log', () => {
  test('takes nothing from another tenant and shows nothing of it', async () => {
    const forged = {
      text: `INSERT INTO holdfast.events (id, tenant, name, payload) VALUES (gen_random_uuid(), 'globex', 'a.b', '{}')`,
      values: [],
    }
    const refused = (error: StatementError) => error.state === '42501'
    await assert.rejects(database.write('acme', forged), refused)
    await database.write('globex', appendEvents([{ ...newEvent(event), tenant: 'globex' }]))
    const seen = { text: `SELECT FROM holdfast.events WHERE tenant = 'globex'`, values: [] }
    const [rows] = await database.write('acme', seen)
    assert.equal(rows?.rowCount, 0)
  })

  test('lets nobody choose a place in it, nor change it', async () => {
    const refused = (error: StatementError) => error.state === '42501'
    for (const text of [
      `INSERT INTO holdfast.events (position, id, name, payload) VALUES (1, gen_random_uuid(), 'a.b', '{}')`,
      `UPDATE holdfast.events SET payload = '{}'`,
      'DELETE FROM holdfast.events',
      `SELECT setval('holdfast.event_position', 1)`,
    ]) {
      await assert.rejects(database.write('acme', { text, values: [] }), refused, text)
    }
  })
})

describe('options', () => {
  test('a subscription may not be there twice', () => {
    assert.throws(() => newRelay(database.pool, [handlerOf(), handlerOf()]), /holds a name twice/)
    assert.throws(
      () => newRelay(database.pool, [], { intervalMs: 1, clock: systemClock }),
      /intervalMs is 1/,
    )
  })
})
