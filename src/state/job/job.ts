/**
 * Jobs: work to do later, enqueued in the transaction that wants it done.
 *
 * States, each a table (migrations/0001_jobs.sql): waiting -> running -> done | waiting again | dead;
 * dead -> waiting by replay. A death may be followed by a job of its own (`nameAfterDeath`). A job of
 * a key that already waits changes nothing, and a job whose key is running waits for it: of one key
 * at most one waits and one runs. The enqueuer locks the waiting job until it commits, so that no
 * worker starts it without seeing what the enqueuer wrote.
 */
import { runAsLoops } from '../../database/as-loops.ts'
import type { MigrationSource } from '../../database/migrate/source.ts'
import type { Pool } from '../../database/pool.ts'
import type { Statement } from '../../database/statement.ts'
import { valuesList } from '../../database/values.ts'
import * as store from './store.ts'

export type { DeadJob, DeadJobFilter, Death, Job, JobBacklog, JobTrace } from './store.ts'
export { nameAfterDeath } from './store.ts'

export const jobMigrations: MigrationSource = {
  name: 'holdfast/job',
  directory: new URL('./migrations/', import.meta.url),
}

export interface NewJob {
  /** That of the context: the policy of the table refuses any other. */
  readonly tenant: string
  readonly id: string
  readonly name: string
  readonly queue: string
  /** JSON text. */
  readonly payload: string
  /** 0 runs first, 9 last. */
  readonly priority: number
  readonly attemptsMax: number
  /** RFC 3339; at once where it is not given. */
  readonly runAt?: string | undefined
  readonly key?: string | undefined
  readonly traceparent?: string | undefined
  readonly requestId?: string | undefined
  /** The operation, job or subscription that enqueues it. */
  readonly cause?: string | undefined
}

/** For an INSERT INTO holdfast.jobs as holdfast_app. */
export const jobColumns =
  'tenant, id, run_at, priority, attempts_max, queue, name, unique_key, payload, traceparent, request_id, cause'

export const JOB_COLUMNS = 12

/** Ends an INSERT INTO holdfast.jobs that holds a key. It waits for whoever else enqueues that key. */
export const jobConflict =
  'ON CONFLICT (tenant, name, unique_key) WHERE unique_key IS NOT NULL DO UPDATE SET unique_key = excluded.unique_key'

/** In the order of `jobColumns`. The server reads 'now' as the start of the transaction. */
export function jobValues(job: NewJob): unknown[] {
  return [
    job.tenant,
    job.id,
    job.runAt ?? 'now',
    job.priority,
    job.attemptsMax,
    job.queue,
    job.name,
    job.key ?? null,
    job.payload,
    job.traceparent ?? null,
    job.requestId ?? null,
    job.cause ?? null,
  ]
}

/**
 * Enqueues in the caller's transaction; `jobs` is not empty. Jobs with a key belong into a statement
 * before the one that appends events: waiting for a key must not come after a position was drawn.
 */
export function enqueueJobs(jobs: readonly NewJob[]): Statement {
  const distinct = firstOfEachKey(jobs)
  const conflict = distinct.some((job) => job.key !== undefined) ? ` ${jobConflict}` : ''
  return {
    text: `INSERT INTO holdfast.jobs (${jobColumns}) VALUES ${valuesList(distinct.length, JOB_COLUMNS)}${conflict}`,
    values: distinct.flatMap(jobValues),
  }
}

/** One statement may not meet the same waiting job twice (21000). */
export function firstOfEachKey(jobs: readonly NewJob[]): readonly NewJob[] {
  if (jobs.every((job) => job.key === undefined)) return jobs
  const seen = new Set<string>()
  return jobs.filter((job) => {
    if (job.key === undefined) return true
    const identity = JSON.stringify([job.name, job.key])
    if (seen.has(identity)) return false
    seen.add(identity)
    return true
  })
}

/** Jobs whose attempts are used up: they wait here until somebody decides. */
export const deadJobs = {
  async list(pool: Pool, filter: store.DeadJobFilter): Promise<readonly store.DeadJob[]> {
    const [rows] = await runAsLoops(pool, store.listDeadJobs(filter))
    return (rows?.rows ?? []) as unknown as readonly store.DeadJob[]
  },
  /** Lets them run again with all their attempts; the number of jobs that were dead until now. */
  async replay(pool: Pool, filter: store.DeadJobFilter): Promise<number> {
    const [rows] = await runAsLoops(pool, store.replayDeadJobs(filter))
    return rows?.rowCount ?? 0
  },
  async discard(pool: Pool, filter: store.DeadJobFilter): Promise<number> {
    const [rows] = await runAsLoops(pool, store.discardDeadJobs(filter))
    return rows?.rowCount ?? 0
  },
}

/** For a pruner: removes history older than the retention; the number of rows removed. */
export async function pruneJobHistory(
  pool: Pool,
  retentionMs: number,
  rowsMax: number,
): Promise<number> {
  const [rows] = await runAsLoops(pool, store.pruneHistory(retentionMs, rowsMax))
  return rows?.rowCount ?? 0
}

/** What requests of a tenant have had done, for `holdfast trace`. */
export function jobsOfRequests(traced: store.TracedRequests): Statement {
  return store.selectOfRequests(traced)
}

/** For metrics: what waits, runs and is dead, by queue. */
export async function jobBacklogs(
  pool: Pool,
  queues: readonly string[],
): Promise<readonly store.JobBacklog[]> {
  const [rows] = await runAsLoops(pool, store.readBacklog(queues))
  return (rows?.rows ?? []) as unknown as readonly store.JobBacklog[]
}
