/** What an explorer has to say to the tables of the framework before an app runs over them. */
import pg from 'pg'
import type { Job } from '../../state/job/job.ts'

/** A job that a worker has begun. */
export interface HeldJob
  extends Pick<Job, 'id' | 'tenant' | 'queue' | 'name' | 'key' | 'priority' | 'attemptsMax'> {
  /** JSON text. */
  readonly payload: string
  readonly traceparent: string
}

/** An event that subscriptions have not come to. */
export interface LoggedEvent {
  readonly id: string
  readonly tenant: string
  readonly name: string
  readonly key: string | null
  /** JSON text. */
  readonly payload: string
  readonly traceparent: string
}

type Query = <R extends pg.QueryResultRow>(
  text: string,
  values?: readonly unknown[],
) => Promise<readonly R[]>

async function within<T>(url: string, work: (query: Query) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'holdfast-prove-seed' })
  await client.connect()
  try {
    return await work(async (text, values = []) => (await client.query(text, [...values])).rows)
  } finally {
    await client.end()
  }
}

/** Later than any exploration ends: the clock of the server goes on while runs are compared. */
const NOT_NOW = "interval '100 years'"

const AT_REST = [
  'UPDATE holdfast.subscriptions SET holder = NULL, lease_until = NULL',
  'DELETE FROM holdfast.job_workers',
  `UPDATE holdfast.jobs SET run_at = run_at + ${NOT_NOW} WHERE run_at > clock_timestamp()`,
  `UPDATE holdfast.parked_events SET next_at = next_at + ${NOT_NOW} WHERE next_at > clock_timestamp()`,
]

/**
 * Whoever has filled the database is gone, with its leases, and what waits for its time waits until a
 * program lets time pass: else a run would find other work to do than one a minute before.
 */
export function bringToRest(url: string): Promise<void> {
  return within(url, async (query) => {
    await query('SET ROLE holdfast_loops')
    for (const text of AT_REST) await query(text)
  })
}

/** Any moment that is over. */
const BEGUN_AT = '2026-01-05T08:00:00Z'
/** No worker of a table: nobody looks after its lease. */
const WORKER = 0

/** Jobs in the hands of a worker; their leases, in this order. */
export function holdJobs(url: string, jobs: readonly HeldJob[]): Promise<readonly number[]> {
  return within(url, async (query) => {
    await query('SET ROLE holdfast_loops')
    const leases: number[] = []
    for (const {
      id,
      tenant,
      queue,
      name,
      key,
      priority,
      attemptsMax,
      payload,
      traceparent,
    } of jobs) {
      const [row] = await query<{ lease: string }>(
        `INSERT INTO holdfast.running_jobs (worker, started_at, id, run_at, created_at, priority,
           attempt, attempts_max, tenant, queue, name, unique_key, payload, traceparent)
         VALUES ($1, $2, $3, $2, $2, $4, 1, $5, $6, $7, $8, $9, $10, $11) RETURNING lease`,
        [
          WORKER,
          BEGUN_AT,
          id,
          priority,
          attemptsMax,
          tenant,
          queue,
          name,
          key,
          payload,
          traceparent,
        ],
      )
      leases.push(Number(row?.lease))
    }
    return leases
  })
}

/** Events that these subscriptions come to next; the positions of the events, in this order. */
export function logEvents(
  url: string,
  events: readonly LoggedEvent[],
  subscriptions: readonly string[],
): Promise<readonly number[]> {
  return within(url, async (query) => {
    const positions: number[] = []
    await query('SET ROLE holdfast_app')
    for (const { id, tenant, name, key, payload, traceparent } of events) {
      await query(`SELECT set_config('holdfast.tenant', $1, false)`, [tenant])
      const [row] = await query<{ position: string }>(
        `INSERT INTO holdfast.events (id, tenant, name, key, payload, traceparent)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING position`,
        [id, tenant, name, key, payload, traceparent],
      )
      positions.push(Number(row?.position))
    }
    await query('SET ROLE holdfast_loops')
    await query(
      `INSERT INTO holdfast.subscriptions (name, position) SELECT name, 0 FROM unnest($1::text[]) AS name
       ON CONFLICT (name) DO UPDATE SET position = 0`,
      [subscriptions],
    )
    return positions
  })
}

/**
 * Gives a job to another worker, as the rescuer does where one seems lost: who has it now finds its
 * lease gone. SKIP LOCKED: a handler whose COMMIT is under way keeps its job.
 */
export const takeOver = (id: string) => ({
  text: `UPDATE holdfast.running_jobs SET lease = nextval('holdfast.job_lease'), attempt = attempt + 1
WHERE lease IN (SELECT lease FROM holdfast.running_jobs WHERE id = $1 FOR UPDATE SKIP LOCKED)
RETURNING lease, attempt`,
  values: [id],
})
