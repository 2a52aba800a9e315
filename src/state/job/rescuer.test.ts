import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { runAsLoops } from '../../database/as-loops.ts'
import { silentLog } from '../../runtime/log.ts'
import { processName } from '../../runtime/process-liveness.ts'
import { goneProcess, noGoneProcess } from '../../testing/gone-process.ts'
import {
  enqueue,
  expireWorkers,
  jobHandler,
  newJob,
  newWorker,
  tableRows,
} from '../../testing/job-bench.ts'
import { loopSuite } from '../../testing/loop-suite.ts'
import { StateDatabase } from '../../testing/state-database.ts'
import { testGate, testSignal } from '../../testing/test-signal.ts'
import type { Job } from './job.ts'
import { createRescuer } from './rescuer.ts'
import * as store from './store.ts'

let database: StateDatabase
before(async () => {
  database = await StateDatabase.make()
})
after(() => database.drop())

beforeEach(async () => {
  const tables = ['jobs', 'running_jobs', 'job_history', 'dead_jobs', 'job_workers']
  const cleared = tables.map((table) => ({ text: `DELETE FROM holdfast.${table}`, values: [] }))
  await runAsLoops(database.pool, ...cleared)
})

const rescuerOf = (onRescued?: () => void, followed: readonly string[] = []) =>
  createRescuer({
    followed,
    pool: database.pool,
    clock: systemClock,
    log: silentLog,
    ...(onRescued && { onRescued }),
  })

/** A worker that has claimed and will never be heard of again. */
async function claimAndVanish(jobs: number, name = 'gone'): Promise<number> {
  const { pool } = database
  const [registered] = await runAsLoops(pool, store.registerWorker(name, 60_000))
  const worker = registered?.rows[0]?.id as number
  const [claimed] = await runAsLoops(pool, store.claim(worker, [{ queue: 'default', jobs }]))
  assert.equal(claimed?.rowCount, jobs)
  return worker
}

loopSuite('rescuer', (signals) => ({
  loop: createRescuer({ pool: database.pool, clock: systemClock, log: silentLog, signals }),
}))

describe('rescuer', () => {
  test('gives back the jobs of a lost worker, and wakes who can run them', async () => {
    await enqueue(database, newJob('a.b'), newJob('a.b'))
    await claimAndVanish(2)
    const woken = testSignal<void>('woken')
    const rescuer = rescuerOf(woken.emit)
    await rescuer.runOnce()
    assert.equal((await tableRows(database, 'jobs')).length, 0, 'its lease has not run out')
    await expireWorkers(database)
    await rescuer.runOnce()
    await woken.next()
    const waiting = await tableRows(database, 'jobs')
    assert.deepEqual(
      waiting.map((job) => job.attempt),
      [1, 1],
    )
    assert.deepEqual(await tableRows(database, 'job_workers'), [])
  })

  test('does so at once where the process of the worker is known to be gone', {
    skip: noGoneProcess,
  }, async () => {
    await enqueue(database, newJob('a.b'), newJob('a.b'))
    await claimAndVanish(1, processName())
    await claimAndVanish(1, await goneProcess())
    await rescuerOf().runOnce()
    assert.equal((await tableRows(database, 'jobs')).length, 1)
    const workers = await tableRows(database, 'job_workers')
    assert.deepEqual(
      workers.map(({ name }) => name),
      [processName()],
    )
  })

  test('buries a job that has lost its worker in its last attempt', async () => {
    await enqueue(database, newJob('a.b', { attemptsMax: 1 }))
    await claimAndVanish(1)
    await expireWorkers(database)
    await rescuerOf().runOnce()
    const [dead] = await tableRows(database, 'dead_jobs')
    assert.match(String(dead?.last_error), /worker was lost/)
    assert.deepEqual(await tableRows(database, 'jobs'), [])
  })

  test('has its death followed, and that of no job which goes on', async () => {
    await enqueue(database, newJob('a.b', { attemptsMax: 1 }), newJob('a.b'))
    await claimAndVanish(2)
    await expireWorkers(database)
    await rescuerOf(undefined, ['a.b']).runOnce()
    const waiting = await tableRows(database, 'jobs')
    assert.deepEqual(waiting.map(({ name }) => name).toSorted(), ['a.b', 'a.b/dead'])
    const { payload } = waiting.find(({ name }) => name === 'a.b/dead') ?? {}
    const [dead] = await tableRows(database, 'dead_jobs')
    const error = 'The worker was lost in the last attempt.'
    assert.deepEqual(payload, { id: dead?.id, attempt: 1, error, payload: {} })
  })
})

describe('a worker whose lease ran out', () => {
  test('aborts what it runs, loses it, and comes back as another', async () => {
    const begun = testSignal<Job>('begun')
    const aborted = testSignal<unknown>('aborted')
    const ended = testSignal<string>('ended')
    await enqueue(database, newJob('a.b'))
    const handler = jobHandler('a.b', async (job, { signal }) => {
      begun.emit(job)
      if (job.attempt > 1) return
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted.emit(signal.reason)
          reject(signal.reason)
        })
      })
    })
    const signals = { jobEnded: (_job: Job, ending: string) => ended.emit(ending) }
    const worker = newWorker(database, [handler], { leaseMs: 1_000, intervalMs: 10, signals })
    worker.start()
    await begun.next()
    await expireWorkers(database)
    await rescuerOf().runOnce()
    assert.match(String(await aborted.next()), /HF_LEASE_LOST/)
    assert.equal((await begun.next()).attempt, 2)
    assert.deepEqual(new Set([await ended.next(), await ended.next()]), new Set(['lost', 'done']))
    await worker.stop()
  })

  test('settles nothing with a lease that has ended', async () => {
    const begun = testSignal<void>('begun')
    const gate = testGate()
    await enqueue(database, newJob('a.b'))
    const handler = jobHandler('a.b', async () => {
      begun.emit()
      await gate.passed
    })
    const stale = newWorker(database, [handler])
    const running = stale.runOnce()
    await begun.next()
    await expireWorkers(database)
    await rescuerOf().runOnce()
    gate.open()
    await running
    assert.equal(stale.counters.lost, 1)
    assert.equal((await tableRows(database, 'jobs')).length, 1, 'it still waits for its new worker')
    assert.deepEqual(await tableRows(database, 'job_history'), [])
    await stale.stop()
  })
})

describe('a job that a worker holds and does not know of', () => {
  test('is given back, uncounted', async () => {
    const returned = testSignal<Job>('returned')
    const handler = jobHandler('a.b', async (job) => returned.emit(job))
    const worker = newWorker(database, [handler], { leaseMs: 1_000, intervalMs: 10 })
    await worker.runOnce()
    await enqueue(database, newJob('a.b'))
    // As if the answer to its claim had been lost.
    const [row] = await tableRows(database, 'job_workers')
    await runAsLoops(database.pool, store.claim(Number(row?.id), [{ queue: 'default', jobs: 1 }]))
    worker.start()
    assert.equal((await returned.next()).attempt, 1)
    await worker.stop()
  })
})
