/** A process with a relay and a worker, to be killed. Tells on standard output what it has begun. */
import { Pool } from '../../src/database/pool.ts'
import type { StoredEvent } from '../../src/state/event/event.ts'
import type { Job } from '../../src/state/job/job.ts'
import type { JobTurn } from '../../src/state/job/worker.ts'
import { effectHandler, newRelay } from '../../src/testing/event-bench.ts'
import { jobHandler, newWorker } from '../../src/testing/job-bench.ts'
import { appTransaction } from '../../src/testing/state-database.ts'

const pool = new Pool({ url: process.argv[2] as string })
const begun = (what: string) => void process.stdout.write(`begun ${what}\n`)

const effect = (job: Job) => ({
  text: `INSERT INTO public.effects (subscription, position, payload) VALUES ($1, $2, '{}')`,
  values: [job.name, job.payload],
})

/** Its write and its completion commit together. */
const runs = (job: Job, turn: JobTurn) =>
  appTransaction(pool, job.tenant, async (tx) => {
    begun(job.name)
    await tx.query(effect(job))
    tx.beforeCommit(() => turn.closing)
  })

/** Its write commits before it is completed: it may come twice, and must come once. */
const acts = (job: Job) => {
  begun(job.name)
  return appTransaction(pool, job.tenant, async (tx) => void (await tx.query(effect(job))))
}

const handlers = [
  jobHandler('kill.run', runs, { kind: 'run' }),
  jobHandler('kill.act', acts, { kind: 'act' }),
]
const meanwhile = (event: StoredEvent) => begun(event.name)
const reader = effectHandler(pool, 'kill.reader', ['kill.happened'], { meanwhile })

newWorker({ pool }, handlers, { intervalMs: 20 }).start()
newRelay(pool, [reader], { intervalMs: 20 }).start()
// Nothing else keeps it alive between two turns.
setInterval(() => {}, 1_000)
