/**
 * All SQL of jobs. Every statement here that takes a job out of `running_jobs` names its lease: who
 * has lost it moves nothing.
 */
import type { Statement } from '../../database/statement.ts'

/** A job as its worker holds it. */
export interface Job {
  readonly lease: number
  readonly id: string
  readonly tenant: string
  readonly queue: string
  readonly name: string
  readonly payload: unknown
  readonly priority: number
  /** 1 for the first attempt. */
  readonly attempt: number
  readonly attemptsMax: number
  readonly key: string | null
  readonly runAt: string
  readonly createdAt: string
  readonly traceparent: string | null
  readonly requestId: string | null
  readonly cause: string | null
}

const CARRIED =
  'id, created_at, priority, attempts_max, tenant, queue, name, unique_key, payload, traceparent, request_id, cause'

const AS_JOB = `lease, id, tenant, queue, name, payload, priority, attempt, attempts_max AS "attemptsMax",
 unique_key AS key, run_at AS "runAt", created_at AS "createdAt", traceparent,
 request_id AS "requestId", cause`

const SAME_KEY = '(tenant, name, unique_key) WHERE unique_key IS NOT NULL'

export interface Wanted {
  readonly queue: string
  readonly jobs: number
}

// One index range per queue and priority, each read lazily until enough is found: a backlog, and jobs
// that are not due yet, cost nothing. A worker whose row is gone claims nothing. ANY(ARRAY(...)) and
// not a join: the planner cannot know the limits, and would read the whole backlog to be prepared.
const CLAIM = `WITH due AS MATERIALIZED (
  SELECT found.id
  FROM unnest($2::text[], $3::int[]) AS wanted(queue, jobs)
  CROSS JOIN LATERAL (
    SELECT ranged.id
    FROM generate_series(0, 9) AS level(priority)
    CROSS JOIN LATERAL (
      SELECT j.id
      FROM holdfast.jobs j
      WHERE j.queue = wanted.queue AND j.priority = level.priority AND j.run_at <= now()
        AND (j.unique_key IS NULL OR NOT EXISTS (
          SELECT FROM holdfast.running_jobs r
          WHERE r.tenant = j.tenant AND r.name = j.name AND r.unique_key = j.unique_key))
      ORDER BY j.run_at
      LIMIT wanted.jobs
      FOR UPDATE OF j SKIP LOCKED
    ) ranged
    LIMIT wanted.jobs
  ) found
  WHERE EXISTS (SELECT FROM holdfast.job_workers w WHERE w.id = $1::bigint)
), taken AS (
  DELETE FROM holdfast.jobs WHERE id = ANY(ARRAY(SELECT id FROM due)) RETURNING *
)
INSERT INTO holdfast.running_jobs (worker, ${CARRIED}, run_at, attempt, last_error)
SELECT $1, ${CARRIED}, run_at, attempt + 1, last_error FROM taken
RETURNING ${AS_JOB}`

export function claim(worker: number, wanted: readonly Wanted[]): Statement {
  const queues = wanted.map((each) => each.queue)
  return { text: CLAIM, values: [worker, queues, wanted.map((each) => each.jobs)] }
}

/** The fence of a job that runs in a transaction: done, or the whole transaction rolls back (HF003). */
export function completeOrRaise(job: Job): Statement {
  return {
    text: `WITH done AS (
  DELETE FROM holdfast.running_jobs WHERE lease = $1 AND id = $2 RETURNING *
), kept AS (
  INSERT INTO holdfast.job_history (outcome, ${CARRIED}, worker, started_at, run_at, attempt, last_error)
  SELECT 'done', ${CARRIED}, worker, started_at, run_at, attempt, last_error FROM done
  RETURNING 1
)
SELECT holdfast.require((SELECT count(*) FROM kept) = 1, 'HF003', 'The lease of job ' || $2::text || ' was lost.')`,
    values: [job.lease, job.id],
  }
}

/** Jobs that ran outside of a transaction. Returns the leases that were still held. */
export function complete(leases: readonly number[]): Statement {
  return {
    text: `WITH done AS (
  DELETE FROM holdfast.running_jobs WHERE lease = ANY($1::bigint[]) RETURNING *
), kept AS (
  INSERT INTO holdfast.job_history (outcome, ${CARRIED}, worker, started_at, run_at, attempt, last_error)
  SELECT 'done', ${CARRIED}, worker, started_at, run_at, attempt, last_error FROM done
)
SELECT lease FROM done`,
    values: [leases],
  }
}

export interface Postponement {
  readonly lease: number
  readonly delayMs: number
  /** False: the attempt never took place, and is not counted. */
  readonly counted: boolean
  readonly error: string | null
}

// A job whose key waits again is absorbed by the one that waits: it would do the same work.
const INTO_WAITING = `waiting AS (
  INSERT INTO holdfast.jobs (${CARRIED}, run_at, attempt, last_error)
  SELECT ${CARRIED}, due_at, attempt, last_error FROM back
  ON CONFLICT ${SAME_KEY} DO NOTHING
  RETURNING id
), absorbed AS (
  INSERT INTO holdfast.job_history (outcome, ${CARRIED}, worker, started_at, run_at, attempt, last_error)
  SELECT 'absorbed', ${CARRIED}, worker, started_at, run_at, attempt, last_error FROM back
  WHERE id NOT IN (SELECT id FROM waiting)
)`

/** Back among the waiting. Returns the leases that were still held. */
export function postpone(jobs: readonly Postponement[]): Statement {
  return {
    text: `WITH gone AS (
  DELETE FROM holdfast.running_jobs r
  USING unnest($1::bigint[], $2::float8[], $3::boolean[], $4::text[]) AS p(held, delay_ms, counted, error)
  WHERE r.lease = p.held RETURNING r.*, p.*
), back AS (
  SELECT lease, worker, started_at, run_at, ${CARRIED},
    clock_timestamp() + delay_ms * interval '1 ms' AS due_at,
    attempt - CASE WHEN counted THEN 0 ELSE 1 END AS attempt, coalesce(error, last_error) AS last_error
  FROM gone
), ${INTO_WAITING}
SELECT lease FROM gone`,
    values: [
      jobs.map((job) => job.lease),
      jobs.map((job) => job.delayMs),
      jobs.map((job) => job.counted),
      jobs.map((job) => job.error),
    ],
  }
}

export interface Burial {
  readonly lease: number
  readonly error: string
}

/** What follows a death is a job of this name. */
export function nameAfterDeath(name: string): string {
  return `${name}/dead`
}

/** What a job that follows a death is told. */
export interface Death {
  /** The dead letter. */
  readonly id: string
  readonly attempt: number
  readonly error: string
  readonly payload: unknown
}

/** Attempts at what follows: with the default backoff two hours, as for any job. */
const FOLLOW_ATTEMPTS_MAX = 20

/** In the statement that buries, so that there is no death without what follows it. */
function following(names: string, error: string): string {
  return `followed AS (
  INSERT INTO holdfast.jobs (${CARRIED})
  SELECT gen_random_uuid(), clock_timestamp(), priority, ${FOLLOW_ATTEMPTS_MAX}, tenant, queue, name || '${nameAfterDeath('')}', NULL,
    jsonb_build_object('id', id, 'attempt', attempt, 'error', ${error}, 'payload', payload),
    traceparent, request_id, name
  FROM gone WHERE name = ANY(${names}::text[])`
}

/** To the dead letters. Returns the leases that were still held. */
export function bury(jobs: readonly Burial[], followed: readonly string[]): Statement {
  return {
    text: `WITH gone AS (
  DELETE FROM holdfast.running_jobs r USING unnest($1::bigint[], $2::text[]) AS b(held, error)
  WHERE r.lease = b.held RETURNING r.*, b.error
), dead AS (
  INSERT INTO holdfast.dead_jobs (${CARRIED}, run_at, attempt, last_error)
  SELECT ${CARRIED}, run_at, attempt, error FROM gone
), ${following('$3', 'error')}
)
SELECT lease FROM gone`,
    values: [jobs.map((job) => job.lease), jobs.map((job) => job.error), followed],
  }
}

export function registerWorker(name: string, leaseMs: number): Statement {
  return {
    text: `INSERT INTO holdfast.job_workers (name, lease_until)
VALUES ($1, clock_timestamp() + $2::float8 * interval '1 ms') RETURNING id`,
    values: [name, leaseMs],
  }
}

/** No row: the lease ran out and was taken; what this worker runs belongs to others now. */
export function renewWorker(worker: number, leaseMs: number): Statement {
  return {
    text: `UPDATE holdfast.job_workers SET lease_until = clock_timestamp() + $2::float8 * interval '1 ms'
WHERE id = $1 RETURNING id`,
    values: [worker, leaseMs],
  }
}

export function leasesOf(worker: number): Statement {
  return { text: 'SELECT lease FROM holdfast.running_jobs WHERE worker = $1', values: [worker] }
}

/** What it still holds, if anything, is an orphan from now on. */
export function removeWorker(worker: number): Statement {
  return { text: 'DELETE FROM holdfast.job_workers WHERE id = $1', values: [worker] }
}

/** More than there are of them; they are told apart by their names. */
const WORKERS_MAX = 1_000

export const listWorkers: Statement = {
  text: `SELECT id, name FROM holdfast.job_workers LIMIT ${WORKERS_MAX}`,
  values: [],
}

/** And those that are `gone`, whatever their lease says. */
export function removeExpiredWorkers(gone: readonly number[]): Statement {
  return {
    text: `DELETE FROM holdfast.job_workers
WHERE lease_until < clock_timestamp() OR id = ANY($1::bigint[]) RETURNING id, name`,
    values: [gone],
  }
}

const WORKER_LOST = `'The worker was lost in the last attempt.'`

// SKIP LOCKED: a handler whose COMMIT is under way keeps its job.
const RESCUE = `WITH gone AS (
  DELETE FROM holdfast.running_jobs WHERE lease IN (
    SELECT r.lease FROM holdfast.running_jobs r
    WHERE NOT EXISTS (SELECT FROM holdfast.job_workers w WHERE w.id = r.worker)
    ORDER BY r.lease LIMIT $1 FOR UPDATE SKIP LOCKED)
  RETURNING *
), dead AS (
  INSERT INTO holdfast.dead_jobs (${CARRIED}, run_at, attempt, last_error)
  SELECT ${CARRIED}, run_at, attempt, ${WORKER_LOST} FROM gone WHERE attempt >= attempts_max
), ${following('$2', WORKER_LOST)} AND attempt >= attempts_max
), back AS (
  SELECT *, clock_timestamp() AS due_at FROM gone WHERE attempt < attempts_max
), ${INTO_WAITING}
SELECT id, name, attempt, worker, attempt >= attempts_max AS dead FROM gone`

export interface Rescued {
  readonly id: string
  readonly name: string
  readonly attempt: number
  readonly worker: number
  readonly dead: boolean
}

/** Gives the jobs of workers that are gone back to the others. */
export function rescueOrphans(jobsMax: number, followed: readonly string[]): Statement {
  return { text: RESCUE, values: [jobsMax, followed] }
}

export interface DeadJobFilter {
  readonly ids?: readonly string[]
  readonly tenant?: string
  readonly name?: string
  readonly jobsMax: number
}

export interface DeadJob {
  readonly id: string
  readonly tenant: string
  readonly queue: string
  readonly name: string
  readonly payload: unknown
  readonly attempt: number
  readonly diedAt: string
  readonly lastError: string | null
  readonly requestId: string | null
}

const CHOSEN = `($1::uuid[] IS NULL OR id = ANY($1)) AND ($2::text IS NULL OR tenant = $2)
 AND ($3::text IS NULL OR name = $3) ORDER BY died_at LIMIT $4`

function chosen(filter: DeadJobFilter): unknown[] {
  return [filter.ids ?? null, filter.tenant ?? null, filter.name ?? null, filter.jobsMax]
}

export function listDeadJobs(filter: DeadJobFilter): Statement {
  return {
    text: `SELECT id, tenant, queue, name, payload, attempt, died_at AS "diedAt",
 last_error AS "lastError", request_id AS "requestId" FROM holdfast.dead_jobs WHERE ${CHOSEN}`,
    values: chosen(filter),
  }
}

const TAKE_DEAD = `DELETE FROM holdfast.dead_jobs
  WHERE id IN (SELECT id FROM holdfast.dead_jobs WHERE ${CHOSEN} FOR UPDATE SKIP LOCKED) RETURNING *`

export function replayDeadJobs(filter: DeadJobFilter): Statement {
  return {
    text: `WITH gone AS (${TAKE_DEAD}), back AS (
  INSERT INTO holdfast.jobs (${CARRIED}, attempt, last_error)
  SELECT ${CARRIED}, 0, last_error FROM gone ON CONFLICT ${SAME_KEY} DO NOTHING
)
SELECT id FROM gone`,
    values: chosen(filter),
  }
}

export function discardDeadJobs(filter: DeadJobFilter): Statement {
  return { text: TAKE_DEAD.replace('RETURNING *', 'RETURNING id'), values: chosen(filter) }
}

export function pruneHistory(retentionMs: number, rowsMax: number): Statement {
  return {
    text: `DELETE FROM holdfast.job_history WHERE (finished_at, id) IN (
  SELECT finished_at, id FROM holdfast.job_history
  WHERE finished_at < clock_timestamp() - $1::float8 * interval '1 ms'
  ORDER BY finished_at LIMIT $2)`,
    values: [retentionMs, rowsMax],
  }
}

/** More of one request than a person reads. */
const TRACED_MAX = 200

export interface JobTrace {
  /** When it got into its state. */
  readonly at: string
  readonly tenant: string
  readonly id: string
  readonly requestId: string
  readonly name: string
  readonly state: 'waiting' | 'running' | 'done' | 'absorbed' | 'dead'
  readonly attempt: number
  readonly cause: string | null
  readonly error: string | null
}

export interface TracedRequests {
  readonly tenant: string
  readonly requestIds: readonly string[]
  /** No id of a job of theirs is less: ids begin with the time. */
  readonly leastId: string
}

const TRACED = 'tenant, id, request_id AS "requestId", name, attempt, cause, last_error AS error'
const OF_REQUESTS = 'request_id = ANY($1::text[]) AND tenant = $2'

/** Jobs that wait have no index for this: whoever enqueues them would write to it. */
export function selectOfRequests({ tenant, requestIds, leastId }: TracedRequests): Statement {
  return {
    text: `SELECT * FROM (
  SELECT created_at AS at, 'waiting' AS state, ${TRACED} FROM holdfast.jobs WHERE id >= $3 AND ${OF_REQUESTS}
  UNION ALL SELECT started_at, 'running', ${TRACED} FROM holdfast.running_jobs WHERE ${OF_REQUESTS}
  UNION ALL SELECT finished_at, outcome, ${TRACED} FROM holdfast.job_history WHERE ${OF_REQUESTS}
  UNION ALL SELECT died_at, 'dead', ${TRACED} FROM holdfast.dead_jobs WHERE ${OF_REQUESTS}
) traced ORDER BY at LIMIT ${TRACED_MAX}`,
    values: [requestIds, tenant, leastId],
  }
}

/** A backlog beyond this is told as this: counting is not worth reading a whole table for. */
const COUNTED_MAX = 100_000

export interface JobBacklog {
  readonly queue: string
  /** Due, and not begun. */
  readonly waiting: number
  readonly running: number
  readonly dead: number
  /** How long the first of the due ones has waited. */
  readonly oldestSeconds: number
}

export function readBacklog(queues: readonly string[]): Statement {
  return {
    text: `SELECT queue, (
  SELECT count(*) FROM (SELECT FROM holdfast.jobs j
    WHERE j.queue = q.queue AND j.run_at <= now() LIMIT ${COUNTED_MAX}) due) AS waiting, (
  SELECT count(*) FROM holdfast.running_jobs r WHERE r.queue = q.queue) AS running, (
  SELECT count(*) FROM (SELECT FROM holdfast.dead_jobs d
    WHERE d.queue = q.queue LIMIT ${COUNTED_MAX}) died) AS dead,
 coalesce(extract(epoch FROM now() - (SELECT min(j.run_at) FROM (SELECT run_at FROM holdfast.jobs j
    WHERE j.queue = q.queue AND j.run_at <= now() LIMIT ${COUNTED_MAX}) j))::float8, 0) AS "oldestSeconds"
FROM unnest($1::text[]) AS q(queue)`,
    values: [queues],
  }
}
