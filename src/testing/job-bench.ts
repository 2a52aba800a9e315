/** What the tests of jobs set up again and again: jobs in a tenant, handlers by name, a worker. */
import type { Backoff } from '../base/backoff.ts'
import { systemClock } from '../base/clock.ts'
import { uuidv7 } from '../base/id.ts'
import { runAsLoops } from '../database/as-loops.ts'
import type { Row } from '../database/statement.ts'
import { silentLog } from '../runtime/log.ts'
import { enqueueJobs, type Job, type NewJob } from '../state/job/job.ts'
import { type JobHandler, type JobTurn, Worker, type WorkerOptions } from '../state/job/worker.ts'
import type { StateDatabase } from './state-database.ts'

/** Full jitter has a floor of 0 or 1 ms: see `makeDue`. */
const AT_ONCE: Backoff = { baseMs: 0, capMs: 0 }

export function newJob(name: string, more: Partial<NewJob> = {}): NewJob {
  const fixed = { queue: 'default', payload: '{}', priority: 5, attemptsMax: 3 }
  return { tenant: 'acme', id: uuidv7(), name, ...fixed, ...more }
}

export function enqueue(database: StateDatabase, ...jobs: readonly NewJob[]): Promise<unknown> {
  return database.write('acme', enqueueJobs(jobs))
}

export function jobHandler(
  name: string,
  handle: (job: Job, turn: JobTurn) => Promise<void>,
  more: Partial<JobHandler> = {},
): JobHandler {
  return { name, kind: 'act', timeoutMs: 30_000, backoff: AT_ONCE, handle, ...more }
}

export function newWorker(
  database: Pick<StateDatabase, 'pool'>,
  handlers: readonly JobHandler[],
  more: Partial<WorkerOptions> = {},
): Worker {
  return new Worker({
    pool: database.pool,
    clock: systemClock,
    log: silentLog,
    handlers: new Map(handlers.map((handler) => [handler.name, handler])),
    queues: { default: 10 },
    ...more,
  })
}

/** Everything in a table of schema holdfast, as the loops see it. */
export async function tableRows(database: StateDatabase, table: string): Promise<Row[]> {
  const statement = { text: `SELECT to_jsonb(t) AS row FROM holdfast.${table} t`, values: [] }
  const [rows] = await runAsLoops(database.pool, statement)
  return (rows?.rows ?? []).map((row) => row.row as Row)
}

/** Lets everything that waits be due, whatever its backoff. */
export function makeDue(database: StateDatabase): Promise<unknown> {
  const text = "UPDATE holdfast.jobs SET run_at = clock_timestamp() - interval '1 s'"
  return runAsLoops(database.pool, { text, values: [] })
}

/** As if the leases of all workers had run out by now. */
export function expireWorkers(database: StateDatabase): Promise<unknown> {
  const text = "UPDATE holdfast.job_workers SET lease_until = clock_timestamp() - interval '1 s'"
  return runAsLoops(database.pool, { text, values: [] })
}
