/** What the loops rest on: the watermark, the fences of events and jobs, the lock of migrations. */
import type pg from 'pg'
import { pause, systemClock } from '../../../src/base/clock.ts'
import { holdRunnerLock } from '../../../src/database/migrate/session.ts'
import { appendEvents } from '../../../src/state/event/event.ts'
import * as log from '../../../src/state/event/store.ts'
import { enqueueJobs, type Job } from '../../../src/state/job/job.ts'
import * as jobs from '../../../src/state/job/store.ts'
import { type Db, inTransaction, number, type Queries } from '../sql.ts'
import { answered, codeOf, type Primitive, send, TENANT, twice } from './house.ts'

const LOG = {
  schema: 'CREATE TABLE handled (position bigint NOT NULL);',
  seed: `INSERT INTO holdfast.subscriptions (name, position) VALUES ('mail', 0)`,
  ignore: ['holdfast.subscriptions.moved_at', 'holdfast.events.at'],
  // Which of two events comes first is nobody's promise.
  serial: false,
}

const stated = (id: number) =>
  appendEvents([
    {
      tenant: TENANT,
      id: `01890000-0000-7000-8000-00000000000${id}`,
      name: 'placed',
      version: 1,
      payload: '{}',
    },
  ])

const append = (db: Db) =>
  inTransaction(db, async (tx) => {
    await send(tx, stated(1))
  })

async function appenders(db: Db): Promise<string[]> {
  const { rows } = await send(db, log.listAppenders)
  return rows.map(({ id }) => id as string)
}

/** As the watermark is read: everybody who may hold a smaller position has ended. */
async function complete(db: Db): Promise<number> {
  const { rows } = await send(db, log.readSequence)
  let open = await appenders(db)
  while (open.length > 0) {
    await pause(systemClock, 1)
    const now = await appenders(db)
    open = open.filter((id) => now.includes(id))
  }
  return Number(rows[0]?.position)
}

/** More than any position. */
const EVERYTHING = Number.MAX_SAFE_INTEGER

const pageOf = (after: number, upTo: number) =>
  log.readPage({ subscription: 'mail', names: ['placed'], after, upTo, eventsMax: 10 })

const moveOf = (from: number, to: number) =>
  log.moveOrRaise({ subscription: 'mail', from, to, holder: 'h', leaseMs: 1_000 })

const positionOf = (db: Queries) =>
  number(db, `SELECT position FROM holdfast.subscriptions WHERE name = 'mail'`)

const handle = (db: Queries, position: number) =>
  db.query('INSERT INTO handled VALUES ($1)', [position])

async function pageFrom(db: Db, after: number, upTo: number): Promise<number[]> {
  const { rows } = await send(db, pageOf(after, upTo))
  return rows.map(({ position }) => Number(position))
}

/** States an event of its own, and brings all there are to the subscription. */
async function relayUpTo(db: Db, watermark: (db: Db) => Promise<number>) {
  await send(db, stated(2))
  const upTo = await watermark(db)
  const found = await pageFrom(db, 0, upTo)
  await inTransaction(db, async (tx) => {
    for (const position of found) await handle(tx, position)
    await send(tx, moveOf(0, found.at(-1) ?? 0))
  })
}

/** What the cursor has passed by the time of the clock, and nobody has handled. */
async function relayByTime(db: Db) {
  await send(db, stated(2))
  await inTransaction(db, async (tx) => {
    await tx.query(`INSERT INTO handled SELECT position FROM holdfast.events
      WHERE at > (SELECT at FROM cursor)`)
    await tx.query('UPDATE cursor SET at = (SELECT max(at) FROM holdfast.events)')
  })
}

const SKIPPED = {
  'no event is skipped': `SELECT e.position FROM holdfast.events e, holdfast.subscriptions s
    WHERE e.position <= s.position AND e.position NOT IN (SELECT position FROM handled)`,
}
const TWICE = {
  'an event is handled once': 'SELECT position FROM handled GROUP BY position HAVING count(*) > 1',
}

const MOVED = { HF004: 'another relay has it' }

/** One event, from where the subscription stands. */
async function relayOne(db: Db, settle: (db: Db, from: number, to: number) => Promise<unknown>) {
  const from = await positionOf(db)
  const [next] = await pageFrom(db, from, EVERYTHING)
  if (next === undefined) return 'another relay has it'
  return answered(
    settle(db, from, next).then(() => 'handled'),
    MOVED,
  )
}

const handleAndMove = (db: Db, from: number, to: number) =>
  inTransaction(db, async (tx) => {
    await handle(tx, to)
    await send(tx, moveOf(from, to))
  })

async function handleThenMove(db: Db, from: number, to: number) {
  await inTransaction(db, (tx) => handle(tx, to))
  await send(db, moveOf(from, to))
}

/** An update that meets no row commits all the same. */
const handleAndTryToMove = (db: Db, from: number, to: number) =>
  inTransaction(db, async (tx) => {
    await handle(tx, to)
    await tx.query(
      `UPDATE holdfast.subscriptions SET position = $2 WHERE name = 'mail' AND position = $1`,
      [from, to],
    )
  })

const ONE_EVENT = `${LOG.seed}; INSERT INTO holdfast.events (position, id, tenant, name, payload)
  VALUES (5, '01890000-0000-7000-8000-000000000001', '${TENANT}', 'placed', '{}')`

const JOB = '01890000-0000-7000-8000-000000000009'
const JOBS = {
  schema: 'CREATE TABLE done (job uuid NOT NULL);',
  invariants: { 'a job is done once': 'SELECT job FROM done GROUP BY job HAVING count(*) > 1' },
  ignore: [
    'holdfast.jobs.run_at',
    'holdfast.running_jobs.started_at',
    'holdfast.running_jobs.run_at',
    'holdfast.running_jobs.worker',
    'holdfast.running_jobs.lease',
    'holdfast.job_history.finished_at',
    'holdfast.job_history.started_at',
    'holdfast.job_history.run_at',
    'holdfast.job_history.worker',
  ],
  serial: false,
}

const WORKERS = `INSERT INTO holdfast.job_workers (id, name, lease_until) OVERRIDING SYSTEM VALUE
  VALUES (1, 'slow', '2020-01-01'), (2, 'quick', '2099-01-01'), (3, 'third', '2099-01-01');`
/** Worker 1 has it, and its lease has run out. */
const HELD = `${WORKERS} INSERT INTO holdfast.running_jobs
  (lease, worker, id, run_at, created_at, priority, attempt, attempts_max, tenant, queue, name, payload)
  VALUES (7, 1, '${JOB}', '2020-01-01', '2020-01-01', 5, 1, 9, '${TENANT}', 'q', 'mail', '{}')`
const WAITING = `${WORKERS} INSERT INTO holdfast.jobs
  (id, run_at, created_at, attempts_max, tenant, queue, name, payload)
  VALUES ('${JOB}', '2020-01-01', '2020-01-01', 9, '${TENANT}', 'q', 'mail', '{}')`

const LOST = { HF003: 'the lease was lost' }

type Settle = (db: Db, job: Job) => Promise<unknown>

const work = (db: Queries, { id }: Pick<Job, 'id'>) =>
  db.query('INSERT INTO done VALUES ($1)', [id])

const settledInside: Settle = (db, job) =>
  inTransaction(db, async (tx) => {
    await work(tx, job)
    await send(tx, jobs.completeOrRaise(job))
  })

const settledBehind: Settle = async (db, job) => {
  await inTransaction(db, (tx) => work(tx, job))
  await send(db, jobs.complete([job.lease]))
}

/** Whoever has it by now. */
const settledById: Settle = (db, job) =>
  inTransaction(db, async (tx) => {
    await work(tx, job)
    await tx.query('DELETE FROM holdfast.running_jobs WHERE id = $1', [job.id])
  })

const run = (db: Db, job: Job, settle: Settle) =>
  answered(
    settle(db, job).then(() => 'done'),
    LOST,
  )

async function claimed(db: Db, worker: number): Promise<Job | undefined> {
  const { rows } = await send(db, jobs.claim(worker, [{ queue: 'q', jobs: 1 }]))
  return rows[0] as Job | undefined
}

/** The worker whose lease has run out comes to its end, while another gets the job. */
const slowAndRescued = (settle: Settle) => ({
  slow: (db: Db) => run(db, { lease: 7, id: JOB } as Job, settle),
  rescued: async (db: Db) => {
    await send(db, jobs.removeExpiredWorkers([]))
    await send(db, jobs.rescueOrphans(10, []))
    const job = await claimed(db, 2)
    return job === undefined ? 'nothing to do' : run(db, job, settle)
  },
})

async function claimAndRun(db: Db, who: string): Promise<string> {
  const job = await claimed(db, who === 'ann' ? 2 : 3)
  return job === undefined ? 'nothing to do' : run(db, job, settledInside)
}

async function claimByLook(db: Db): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT id FROM holdfast.jobs WHERE queue = 'q' ORDER BY id LIMIT 1`,
  )
  const [job] = rows
  if (job === undefined) return 'nothing to do'
  await db.query('DELETE FROM holdfast.jobs WHERE id = $1', [job.id])
  await work(db, job)
  return 'done'
}

const enqueuedOnce = (id: string) =>
  enqueueJobs([
    {
      tenant: TENANT,
      id,
      name: 'mail',
      queue: 'q',
      payload: '{}',
      priority: 5,
      attemptsMax: 9,
      key: 'k',
    },
  ])

const idOf = (who: string) => (who === 'ann' ? JOB : JOB.replace(/9$/, '8'))

async function enqueueByLook(db: Db, who: string) {
  const waiting = `SELECT count(*) FROM holdfast.jobs WHERE name = 'mail' AND unique_key = 'k'`
  if ((await number(db, waiting)) > 0) return
  const { text, values } = enqueuedOnce(idOf(who))
  await send(db, { text: text.replace(/ ON CONFLICT.*$/s, ''), values })
}

const registered = log.registerSubscription('mail', 'start')

async function registerByLook(db: Db) {
  const known = `SELECT count(*) FROM holdfast.subscriptions WHERE name = 'mail'`
  if ((await number(db, known)) > 0) return
  await send(db, { ...registered, text: registered.text.replace(/ON CONFLICT.*$/s, '') })
}

const LEDGER = {
  schema: `CREATE TABLE holdfast.migrations (id text NOT NULL);
    CREATE TABLE plans (name text NOT NULL);`,
  invariants: {
    'a migration runs once': 'SELECT name FROM plans GROUP BY name HAVING count(*) > 1',
  },
  // One after the other, both get the lock.
  serial: false,
}

async function migrateUnderLook(client: Queries) {
  const ran = `SELECT count(*) FROM holdfast.migrations WHERE id = '0001'`
  if ((await number(client, ran)) > 0) return
  await client.query(`INSERT INTO plans VALUES ('free')`)
  await client.query(`INSERT INTO holdfast.migrations VALUES ('0001')`)
}

/** Who does not get it gives up at once. */
const WAIT = { clock: systemClock, runnerWaitMs: 0, onWait: () => {} }

async function migrateUnderLock(db: Db) {
  const client = await db.connect()
  try {
    await holdRunnerLock(client as unknown as pg.Client, WAIT)
    await migrateUnderLook(client)
    // The runner ends its connection, and the lock with it.
    await client.query('SELECT pg_advisory_unlock_all()')
    return 'migrated'
  } catch (error) {
    if (codeOf(error) !== 'HF_MIGRATION_LOCKED') throw error
    return 'another runner is at it'
  } finally {
    client.release()
  }
}

export const loops: Readonly<Record<string, Primitive>> = {
  watermark: {
    ...LOG,
    schema: `${LOG.schema} CREATE TABLE cursor (at timestamptz NOT NULL);`,
    seed: `${LOG.seed}; INSERT INTO cursor VALUES ('2020-01-01')`,
    ignore: [...LOG.ignore, 'cursor.at'],
    invariants: {
      ...SKIPPED,
      'no event is older than the cursor': `SELECT position FROM holdfast.events
        WHERE at <= (SELECT at FROM cursor) AND position NOT IN (SELECT position FROM handled)`,
    },
    real: { append, relay: (db) => relayUpTo(db, complete) },
    broken: {
      'read without waiting': { append, relay: (db) => relayUpTo(db, async () => EVERYTHING) },
      'a cursor by time': { append, relay: relayByTime },
    },
  },
  'position of a subscription': {
    ...LOG,
    seed: ONE_EVENT,
    invariants: TWICE,
    real: twice((db) => relayOne(db, handleAndMove)),
    broken: {
      'behind the transaction': twice((db) => relayOne(db, handleThenMove)),
      'moved without raising': twice((db) => relayOne(db, handleAndTryToMove)),
    },
  },
  'registration of a subscription': {
    invariants: {},
    ignore: LOG.ignore,
    real: twice((db) => send(db, registered).then(() => 'known')),
    broken: { 'looked up, then written': twice(registerByLook) },
  },
  'claim of a job': {
    ...JOBS,
    seed: WAITING,
    real: twice(claimAndRun),
    broken: { 'read, then deleted': twice(claimByLook) },
  },
  'lease of a job': {
    ...JOBS,
    seed: HELD,
    real: slowAndRescued(settledInside),
    broken: {
      'settled behind the transaction': slowAndRescued(settledBehind),
      'settled without the lease': slowAndRescued(settledById),
    },
  },
  'key of a job': {
    ...JOBS,
    invariants: {},
    real: twice((db, who) => send(db, enqueuedOnce(idOf(who))).then(() => 'enqueued')),
    broken: { 'looked up, then enqueued': twice(enqueueByLook) },
  },
  'lock of migrations': {
    ...LEDGER,
    real: twice(migrateUnderLock),
    broken: { 'left out': twice(migrateUnderLook) },
  },
}
