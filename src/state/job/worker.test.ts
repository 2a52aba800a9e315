import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { runAsLoops } from '../../database/as-loops.ts'
import {
  enqueue,
  jobHandler,
  makeDue,
  newJob,
  newWorker,
  tableRows,
} from '../../testing/job-bench.ts'
import { loopSuite } from '../../testing/loop-suite.ts'
import { StateDatabase } from '../../testing/state-database.ts'
import { testGate, testSignal } from '../../testing/test-signal.ts'
import { deadJobs, enqueueJobs, type Job, pruneJobHistory } from './job.ts'
import type { JobTurn } from './worker.ts'

let database: StateDatabase
before(async () => {
  database = await StateDatabase.make()
})
after(() => database.drop())

const TABLES = ['jobs', 'running_jobs', 'job_history', 'dead_jobs', 'job_workers'] as const

beforeEach(async () => {
  const cleared = TABLES.map((table) => ({ text: `DELETE FROM holdfast.${table}`, values: [] }))
  await runAsLoops(database.pool, ...cleared)
})

async function counts(): Promise<Record<string, number>> {
  const rows = await Promise.all(TABLES.map((table) => tableRows(database, table)))
  return Object.fromEntries(TABLES.map((table, index) => [table, rows[index]?.length ?? 0]))
}

loopSuite('worker', (signals) => ({ loop: newWorker(database, [], { signals }) }))

describe('worker', () => {
  test('hands a job to its handler and keeps it in the history', async () => {
    const seen: Job[] = []
    const job = newJob('mail.send', {
      payload: '{"order":7}',
      key: 'order-7',
      traceparent: '00-1-2-01',
      requestId: 'req-1',
      cause: 'ordering.place-order',
    })
    await enqueue(database, job)
    const worker = newWorker(database, [
      jobHandler('mail.send', async (each) => void seen.push(each)),
    ])
    await worker.runOnce()
    const [only] = seen
    assert.equal(seen.length, 1)
    assert.deepEqual(
      { ...only, lease: 0, runAt: '', createdAt: '' },
      {
        lease: 0,
        id: job.id,
        tenant: 'acme',
        queue: 'default',
        name: 'mail.send',
        payload: { order: 7 },
        priority: 5,
        attempt: 1,
        attemptsMax: 3,
        key: 'order-7',
        runAt: '',
        createdAt: '',
        traceparent: '00-1-2-01',
        requestId: 'req-1',
        cause: 'ordering.place-order',
      },
    )
    const [kept] = await tableRows(database, 'job_history')
    assert.equal(kept?.outcome, 'done')
    assert.equal(kept?.id, job.id)
    await worker.stop()
    assert.deepEqual(await counts(), {
      jobs: 0,
      running_jobs: 0,
      job_history: 1,
      dead_jobs: 0,
      job_workers: 0,
    })
  })

  test('runs the urgent first, then what has waited longest, and nothing before its time', async () => {
    const order: string[] = []
    const at = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()
    const payload = (label: string) => JSON.stringify(label)
    await enqueue(
      database,
      newJob('a.b', { payload: payload('late'), runAt: at(-1) }),
      newJob('a.b', { payload: payload('urgent'), priority: 0 }),
      newJob('a.b', { payload: payload('early'), runAt: at(-2) }),
      newJob('a.b', { payload: payload('future'), runAt: at(1), priority: 0 }),
    )
    const handler = jobHandler('a.b', async (job) => void order.push(job.payload as string))
    const worker = newWorker(database, [handler], { queues: { default: 1 } })
    for (let turn = 0; turn < 4; turn++) await worker.runOnce()
    assert.deepEqual(order, ['urgent', 'early', 'late'])
    await worker.stop()
  })

  test('runs no more at once than a queue has slots, and goes on as soon as one is free', async () => {
    let running = 0
    let most = 0
    const ended = testSignal<Job>('ended')
    await enqueue(database, ...Array.from({ length: 12 }, () => newJob('a.b')))
    const handler = jobHandler('a.b', async () => {
      most = Math.max(most, ++running)
      await new Promise(setImmediate)
      running--
    })
    const worker = newWorker(database, [handler], {
      queues: { default: 3 },
      // Nobody wakes it: only freed slots make it go on within this test.
      intervalMs: 60_000,
      signals: { jobEnded: (job) => ended.emit(job) },
    })
    worker.start()
    for (let job = 0; job < 12; job++) await ended.next()
    await worker.stop()
    assert.equal(most, 3)
    assert.equal(worker.counters.done, 12)
  })

  test('goes through a backlog without resting, however slots become free', async () => {
    const jobs = 300
    const ended = testSignal<Job>('ended')
    await enqueue(database, ...Array.from({ length: jobs }, () => newJob('a.b')))
    const handle = (job: Job, turn: JobTurn) =>
      database.transaction(job.tenant, async (tx) => tx.beforeCommit(() => turn.closing))
    const worker = newWorker(database, [jobHandler('a.b', handle, { kind: 'run' })], {
      queues: { default: 12 },
      intervalMs: 60_000,
      signals: { jobEnded: (job) => ended.emit(job) },
    })
    worker.start()
    for (let job = 0; job < jobs; job++) await ended.next()
    await worker.stop()
    assert.equal(worker.counters.done, jobs)
  })

  test('two workers never run the same job', async () => {
    const seen: string[] = []
    await enqueue(database, ...Array.from({ length: 40 }, () => newJob('a.b')))
    const handler = jobHandler('a.b', async (job) => void seen.push(job.id))
    const workers = [newWorker(database, [handler]), newWorker(database, [handler])]
    for (let turn = 0; turn < 4; turn++) {
      await Promise.all(workers.map((worker) => worker.runOnce()))
    }
    assert.equal(seen.length, 40)
    assert.equal(new Set(seen).size, 40)
    await Promise.all(workers.map((worker) => worker.stop()))
  })

  test('leaves queues to others that it has no slots for', async () => {
    await enqueue(database, newJob('a.b', { queue: 'slow' }))
    const worker = newWorker(database, [])
    await worker.runOnce()
    assert.equal(worker.counters.claimed, 0)
    await worker.stop()
  })

  test('gives back, uncounted, what it has no handler for', async () => {
    await enqueue(database, newJob('of.tomorrow'))
    const worker = newWorker(database, [])
    await worker.runOnce()
    const [waiting] = await tableRows(database, 'jobs')
    assert.equal(waiting?.attempt, 0)
    assert.match(String(waiting?.last_error), /no handler/)
    assert.equal((await worker.runOnce()) && worker.counters.claimed, 1, 'not due again at once')
    await worker.stop()
  })
})

describe('a failing job', () => {
  const failing = jobHandler('a.b', () => Promise.reject(new Error('smtp \0 is down')))

  test('is tried again until its attempts are used up, then it is a dead letter', async () => {
    await enqueue(database, newJob('a.b', { attemptsMax: 2 }))
    const worker = newWorker(database, [failing])
    await worker.runOnce()
    const [waiting] = await tableRows(database, 'jobs')
    assert.equal(waiting?.attempt, 1)
    assert.equal(waiting?.last_error, 'Error: smtp  is down')
    await makeDue(database)
    await worker.runOnce()
    assert.equal(worker.counters.dead, 1)
    assert.deepEqual(await counts(), {
      jobs: 0,
      running_jobs: 0,
      job_history: 0,
      dead_jobs: 1,
      job_workers: 1,
    })
    await worker.stop()
  })

  test('is followed by another that is told of its death, where it asked for that', async () => {
    const mourned = newJob('a.b', { attemptsMax: 1, payload: '{"n":1}', requestId: 'request-1' })
    await enqueue(database, mourned, newJob('a.c', { attemptsMax: 1 }))
    const told = testSignal<Job>('told')
    const follower = jobHandler('a.b/dead', async (job) => told.emit(job))
    const handlers = [failing, { ...failing, name: 'a.c' }, follower]
    const worker = newWorker(database, handlers, { followed: ['a.b'] })
    await worker.runOnce()
    await worker.runOnce()
    const { payload, requestId, cause, attempt } = await told.next()
    const error = 'Error: smtp  is down'
    assert.deepEqual(payload, { id: mourned.id, attempt: 1, error, payload: { n: 1 } })
    assert.deepEqual([requestId, cause, attempt], ['request-1', 'a.b', 1])
    assert.equal(told.count, 1)
    assert.equal((await tableRows(database, 'dead_jobs')).length, 2)
    await worker.stop()
  })

  test('waits for its backoff', async () => {
    await enqueue(database, newJob('a.b'))
    const patient = { ...failing, backoff: { baseMs: 3_600_000, capMs: 3_600_000 } }
    const worker = newWorker(database, [patient])
    await worker.runOnce()
    await worker.runOnce()
    assert.equal(worker.counters.failed, 1)
    await worker.stop()
  })

  test('can be listed, replayed with all its attempts, or discarded when dead', async () => {
    const [replayed, discarded] = [
      newJob('a.b', { attemptsMax: 1 }),
      newJob('a.c', { attemptsMax: 1 }),
    ]
    await enqueue(database, replayed, discarded)
    const worker = newWorker(database, [failing, { ...failing, name: 'a.c' }])
    await worker.runOnce()
    const dead = await deadJobs.list(database.pool, { tenant: 'acme', jobsMax: 10 })
    assert.deepEqual(new Set(dead.map((job) => job.id)), new Set([replayed.id, discarded.id]))
    assert.equal(await deadJobs.replay(database.pool, { name: 'a.b', jobsMax: 10 }), 1)
    assert.equal(await deadJobs.discard(database.pool, { ids: [discarded.id], jobsMax: 10 }), 1)
    assert.equal(await deadJobs.replay(database.pool, { tenant: 'other', jobsMax: 10 }), 0)
    const mended = newWorker(database, [jobHandler('a.b', async () => {})])
    await mended.runOnce()
    assert.equal(mended.counters.done, 1)
    await Promise.all([worker.stop(), mended.stop()])
  })

  test('is aborted at its timeout, and given up if it does not listen', async () => {
    await enqueue(database, newJob('a.b'))
    const reasons: unknown[] = []
    const deaf = jobHandler(
      'a.b',
      async (_job, { signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason))
        await testGate().passed
      },
      { timeoutMs: 1 },
    )
    const worker = newWorker(database, [deaf])
    await worker.runOnce()
    assert.equal(worker.counters.failed, 1)
    assert.match(String(reasons[0]), /HF_DEADLINE_EXCEEDED/)
    const [waiting] = await tableRows(database, 'jobs')
    assert.match(String(waiting?.last_error), /HF_DEADLINE_EXCEEDED/)
    await worker.stop()
  })
})

describe('a unique key', () => {
  test('keeps a second job from waiting, in one statement and in two', async () => {
    const keyed = () => newJob('a.b', { key: 'k' })
    await enqueue(database, keyed(), keyed())
    await enqueue(database, keyed(), newJob('a.b', { key: 'other' }), newJob('a.c', { key: 'k' }))
    assert.equal((await counts()).jobs, 3)
  })

  test('lets a job wait behind the one that runs, and run after it', async () => {
    const begun = testSignal<Job>('begun')
    const gate = testGate()
    const handler = jobHandler('a.b', async (job) => {
      begun.emit(job)
      await gate.passed
    })
    const worker = newWorker(database, [handler])
    await enqueue(database, newJob('a.b', { key: 'k' }))
    const first = worker.runOnce()
    await begun.next()
    await enqueue(database, newJob('a.b', { key: 'k' }))
    const second = newWorker(database, [handler])
    await second.runOnce()
    assert.equal(second.counters.claimed, 0, 'of one key at most one runs')
    gate.open()
    await first
    await second.runOnce()
    assert.equal(second.counters.done, 1)
    await Promise.all([worker.stop(), second.stop()])
  })

  test('a job that an open transaction has asked for again is not started without it', async () => {
    await enqueue(database, newJob('a.b', { key: 'k' }))
    const worker = newWorker(database, [jobHandler('a.b', async () => {})])
    await database.transaction('acme', async (tx) => {
      await tx.query(enqueueJobs([newJob('a.b', { key: 'k' })]))
      await worker.runOnce()
      assert.equal(worker.counters.claimed, 0, 'what the transaction wrote is not visible yet')
    })
    await worker.runOnce()
    assert.equal(worker.counters.done, 1)
    await worker.stop()
  })

  test('what has waited for the end of its key runs at once, and not at the next look', async () => {
    const ended = testSignal<string>('job ended')
    const running = testSignal<void>('first runs')
    const gate = testGate()
    const handler = jobHandler('a.b', async ({ payload }) => {
      if (payload !== 'first') return
      running.emit()
      await gate.passed
    })
    const signals = { jobEnded: ({ payload }: Job) => ended.emit(String(payload)) }
    const worker = newWorker(database, [handler], { intervalMs: 60_000, signals })
    await enqueue(database, newJob('a.b', { key: 'k', payload: '"first"' }))
    worker.start()
    await running.next()
    await enqueue(database, newJob('a.b', { key: 'k', payload: '"second"' }))
    gate.open()
    assert.deepEqual([await ended.next(), await ended.next()], ['first', 'second'])
    await worker.stop()
  })

  test('a retry is absorbed by a job of its key that waits by then', async () => {
    const handler = jobHandler('a.b', async () => {
      await enqueue(database, newJob('a.b', { key: 'k' }))
      throw new Error('failed')
    })
    await enqueue(database, newJob('a.b', { key: 'k' }))
    const worker = newWorker(database, [handler])
    await worker.runOnce()
    assert.equal((await counts()).jobs, 1)
    const [kept] = await tableRows(database, 'job_history')
    assert.equal(kept?.outcome, 'absorbed')
    await worker.stop()
  })
})

describe('stopping a worker', () => {
  test('waits for running jobs', async () => {
    const begun = testSignal<void>('begun')
    const gate = testGate()
    await enqueue(database, newJob('a.b'))
    const handler = jobHandler('a.b', async () => {
      begun.emit()
      await gate.passed
    })
    const worker = newWorker(database, [handler])
    worker.start()
    await begun.next()
    const stopped = worker.stop()
    gate.open()
    await stopped
    assert.equal(worker.counters.done, 1)
    assert.equal((await counts()).job_workers, 0)
  })

  test('aborts those that take too long and gives them back, uncounted', async () => {
    const begun = testSignal<void>('begun')
    await enqueue(database, newJob('a.b'))
    const handler = jobHandler('a.b', async (_job, { signal }) => {
      begun.emit()
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    })
    const worker = newWorker(database, [handler], { drainMs: 0 })
    worker.start()
    await begun.next()
    await worker.stop()
    const [waiting] = await tableRows(database, 'jobs')
    assert.equal(waiting?.attempt, 0)
    assert.equal(worker.counters.released, 1)
  })
})

describe('job history', () => {
  test('is pruned in batches, oldest first', async () => {
    await enqueue(database, ...Array.from({ length: 5 }, () => newJob('a.b')))
    const worker = newWorker(database, [jobHandler('a.b', async () => {})])
    await worker.runOnce()
    await worker.stop()
    assert.equal(await pruneJobHistory(database.pool, 3_600_000, 10), 0)
    const aged = {
      text: `UPDATE holdfast.job_history SET finished_at = finished_at - interval '2 h'`,
      values: [],
    }
    await runAsLoops(database.pool, aged)
    assert.equal(await pruneJobHistory(database.pool, 3_600_000, 3), 3)
    assert.equal(await pruneJobHistory(database.pool, 3_600_000, 3), 2)
  })
})
