/**
 * Handlers that work on rows of their own and enqueue what comes next, all SERIALIZABLE and all at
 * once: what the framework adds to their transactions must not make the server abort them.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { enqueueJobs, type Job } from '../../src/state/job/job.ts'
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
import { enqueue, jobHandler, newJob, newWorker } from '../../src/testing/job-bench.ts'
import type { StateDatabase } from '../../src/testing/state-database.ts'

const CHAINS = 40
const LENGTH = 5

let database: StateDatabase
before(async () => {
  database = await eventDatabase()
})
after(() => database.drop())

test('completing, and enqueuing the next job, costs other handlers no retry', async () => {
  const handle = (job: Job, turn: JobTurn) =>
    database.transaction(job.tenant, async (tx) => {
      const left = job.payload as number
      tx.defer({
        text: `INSERT INTO public.effects (subscription, position, payload) VALUES ('chain', $1, '{}')`,
        values: [left],
      })
      tx.beforeCommit(() => [
        ...turn.closing,
        ...(left > 1 ? [enqueueJobs([newJob('chain.link', { payload: `${left - 1}` })])] : []),
      ])
    })
  const handler = jobHandler('chain.link', handle, { kind: 'run' })
  const links = Array.from({ length: CHAINS }, () => newJob('chain.link', { payload: `${LENGTH}` }))
  // As autovacuum leaves it behind: known to be small, and read from end to end if one lets it.
  await database.pool.run([{ text: 'VACUUM ANALYZE holdfast.running_jobs', values: [] }])
  await enqueue(database, ...links)
  const retriesBefore = database.pool.metrics().retries
  const workers = [newWorker(database, [handler]), newWorker(database, [handler])]
  while (workers.reduce((sum, { counters }) => sum + counters.done, 0) < CHAINS * LENGTH) {
    await Promise.all(workers.map((worker) => worker.runOnce()))
  }
  assert.equal((await effectsOf(database, 'chain')).length, CHAINS * LENGTH)
  assert.equal(database.pool.metrics().retries - retriesBefore, 0)
  await Promise.all(workers.map((worker) => worker.stop()))
})

test('subscriptions that move on side by side cost each other next to no retry', async () => {
  const names = Array.from({ length: 6 }, (_, n) => `side.by-side-${n}`)
  const handlers = names.map((name) => effectHandler(database.pool, name, ['ledger.changed']))
  const relay = newRelay(database.pool, handlers)
  await relay.register()
  await database.pool.run([{ text: 'VACUUM ANALYZE holdfast.subscriptions', values: [] }])
  await append(
    database,
    ...Array.from({ length: 30 }, (_, n) => newEvent('ledger.changed', 'a', n)),
  )
  const retriesBefore = database.pool.metrics().retries
  await drain(relay)
  for (const name of names) assert.equal((await effectsOf(database, name)).length, 30)
  // A transaction that the machine holds up keeps old versions of rows alive until a page is full:
  // the next one goes into the index, and whoever reads that page then meets it.
  assert.ok(database.pool.metrics().retries - retriesBefore <= names.length)
  await relay.stop()
})
