/**
 * A worker or a relay that was replaced while its handler was running: everything that the handler
 * wrote rolls back, whatever isolation it runs in, and the work is done once, by who replaced it.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { runAsLoops } from '../../src/database/as-loops.ts'
import type { Isolation } from '../../src/database/transaction.ts'
import { silentLog } from '../../src/runtime/log.ts'
import type { Job } from '../../src/state/job/job.ts'
import { createRescuer } from '../../src/state/job/rescuer.ts'
import type { JobTurn } from '../../src/state/job/worker.ts'
import {
  append,
  drain,
  effectHandler,
  effectsOf,
  eventDatabase,
  newEvent,
  newRelay,
} from '../../src/testing/event-bench.ts'
import {
  enqueue,
  expireWorkers,
  jobHandler,
  newJob,
  newWorker,
  tableRows,
} from '../../src/testing/job-bench.ts'
import type { StateDatabase } from '../../src/testing/state-database.ts'
import { testGate, testSignal } from '../../src/testing/test-signal.ts'

let database: StateDatabase
before(async () => {
  database = await eventDatabase()
})
after(() => database.drop())

/** A job that writes one row in its transaction, and tells when it has. */
function writingJob(name: string, isolation: Isolation, written: () => void, go: Promise<void>) {
  const handle = (job: Job, turn: JobTurn) =>
    database.transaction(
      job.tenant,
      async (tx) => {
        await tx.query({
          text: `INSERT INTO public.effects (subscription, position, payload) VALUES ($1, $2, '{}')`,
          values: [name, job.attempt],
        })
        written()
        await go
        tx.beforeCommit(() => turn.closing)
      },
      isolation,
    )
  return jobHandler(name, handle, { kind: 'run' })
}

const isolations: readonly Isolation[] = ['serializable', 'repeatable read', 'read committed']

for (const isolation of isolations) {
  describe(`a stale worker, ${isolation}`, () => {
    const name = `slow.job-${isolation.replace(' ', '-')}`

    test('rolls back when its lease has gone to another worker', async () => {
      const written = testSignal<void>('written')
      const gate = testGate()
      await enqueue(database, newJob(name))
      const stale = newWorker(database, [writingJob(name, isolation, written.emit, gate.passed)])
      const running = stale.runOnce()
      await written.next()
      await expireWorkers(database)
      const rescuer = createRescuer({ pool: database.pool, clock: systemClock, log: silentLog })
      await rescuer.runOnce()
      const open = testGate()
      open.open()
      const fresh = newWorker(database, [writingJob(name, isolation, () => {}, open.passed)])
      await fresh.runOnce()
      gate.open()
      await running
      assert.equal(stale.counters.lost, 1)
      assert.equal(fresh.counters.done, 1)
      const effects = await effectsOf(database, name)
      assert.deepEqual(
        effects.map((effect) => effect.position),
        [2],
        'of two attempts only the second may be seen',
      )
      await Promise.all([stale.stop(), fresh.stop()])
    })

    test('is not held against a worker whose lease is renewed while the handler runs', async () => {
      const kept = `${name}-kept`
      const written = testSignal<void>('written')
      const gate = testGate()
      await enqueue(database, newJob(kept))
      const handler = writingJob(kept, isolation, written.emit, gate.passed)
      const worker = newWorker(database, [handler])
      const running = worker.runOnce()
      await written.next()
      const renewed = `UPDATE holdfast.job_workers SET lease_until = lease_until + interval '1 min'`
      await runAsLoops(database.pool, { text: renewed, values: [] })
      gate.open()
      await running
      assert.equal(written.count, 1, 'the handler had to run again')
      assert.equal(worker.counters.done, 1)
      await worker.stop()
    })
  })
}

describe('a stale relay', () => {
  test('rolls back when another one has moved the subscription', async () => {
    const begun = testSignal<void>('begun')
    const endings = testSignal<string>('ending')
    const gate = testGate()
    const name = 'slow.reader'
    await append(database, newEvent('ledger.changed', 'a', 1), newEvent('ledger.changed', 'a', 2))
    const slow = effectHandler(database.pool, name, ['ledger.changed'], {
      meanwhile: async () => {
        begun.emit()
        await gate.passed
      },
    })
    const stale = newRelay(database.pool, [slow], {
      signals: { eventEnded: (_name, _event, ending) => endings.emit(ending) },
    })
    const turn = stale.runOnce()
    await begun.next()
    const freed = 'UPDATE holdfast.subscriptions SET lease_until = NULL'
    await runAsLoops(database.pool, { text: freed, values: [] })
    const fresh = newRelay(database.pool, [effectHandler(database.pool, name, ['ledger.changed'])])
    await drain(fresh)
    gate.open()
    await turn
    assert.equal(await endings.next(), 'moved')
    const seen = await effectsOf(database, name)
    assert.deepEqual(
      seen.map((effect) => effect.payload),
      [1, 2],
    )
    await Promise.all([stale.stop(), fresh.stop()])
  })

  test('rolls back when another one has handled the parked event', async () => {
    const name = 'parking.reader'
    const failing = { now: true }
    const begun = testSignal<void>('begun')
    const gate = testGate()
    await append(database, newEvent('ledger.parked', 'a', 1))
    const fast = effectHandler(database.pool, name, ['ledger.parked'], {
      meanwhile: () => {
        if (failing.now) throw new Error('not yet')
      },
      attemptsMax: 50,
    })
    const slow = effectHandler(database.pool, name, ['ledger.parked'], {
      meanwhile: async () => {
        begun.emit()
        await gate.passed
      },
    })
    const [first, stale] = [newRelay(database.pool, [fast]), newRelay(database.pool, [slow])]
    await first.runOnce()
    await first.stop()
    failing.now = false
    const turn = stale.runOnce()
    await begun.next()
    await runAsLoops(database.pool, {
      text: 'UPDATE holdfast.subscriptions SET lease_until = NULL',
      values: [],
    })
    await drain(first)
    gate.open()
    await turn
    assert.equal((await effectsOf(database, name)).length, 1)
    assert.deepEqual(await tableRows(database, 'parked_events'), [])
    await Promise.all([first.stop(), stale.stop()])
  })
})
