/** Work that must be done once: jobs, schedules, leases, advisory locks, retries. And whose it is. */
import {
  type Db,
  firstRow,
  inTransaction,
  isRetried,
  number,
  type Queries,
  SERIALIZABLE,
} from '../sql.ts'
import type { TwinSet } from '../twins.ts'

const JOBS = {
  schema: `CREATE TABLE jobs (id int PRIMARY KEY, worker text);
    CREATE TABLE runs (job int, worker text)`,
  seed: 'INSERT INTO jobs VALUES (1, NULL), (2, NULL)',
  invariants: { 'a job runs once': 'SELECT job FROM runs GROUP BY job HAVING count(*) > 1' },
  // Which worker gets which job is nobody's promise; that both get one is.
  ignore: ['jobs.worker', 'runs.worker'],
}

const NEXT_JOB = 'SELECT id FROM jobs WHERE worker IS NULL ORDER BY id LIMIT 1'

function claim(db: Db, worker: string, lock: string) {
  return inTransaction(db, async (tx) => {
    const job = await firstRow<{ id: number }>(tx, `${NEXT_JOB} ${lock}`)
    if (!job) return 'idle'
    await tx.query('UPDATE jobs SET worker = $2 WHERE id = $1', [job.id, worker])
    await tx.query('INSERT INTO runs VALUES ($1, $2)', [job.id, worker])
    return 'worked'
  })
}

const claims = (lock: string) => ({
  ann: (db: Db) => claim(db, 'ann', lock),
  bob: (db: Db) => claim(db, 'bob', lock),
})

/** The subquery is not asked again when the row that it found has gone to somebody else. */
function claimBySubquery(db: Db, worker: string, lock: string) {
  return inTransaction(db, async (tx) => {
    const text = `UPDATE jobs SET worker = $1 WHERE id = (${NEXT_JOB} ${lock}) RETURNING id`
    const job = await firstRow<{ id: number }>(tx, text, [worker])
    if (!job) return 'idle'
    await tx.query('INSERT INTO runs VALUES ($1, $2)', [job.id, worker])
    return 'worked'
  })
}

const claimsBySubquery = (lock: string) => ({
  ann: (db: Db) => claimBySubquery(db, 'ann', lock),
  bob: (db: Db) => claimBySubquery(db, 'bob', lock),
})

const CRON = {
  schema: `CREATE TABLE crons (name text PRIMARY KEY, last_run date NOT NULL);
    CREATE TABLE reports (day date NOT NULL)`,
  seed: `INSERT INTO crons VALUES ('report', '2030-01-01')`,
  invariants: {
    'a day has one report': 'SELECT day FROM reports GROUP BY day HAVING count(*) > 1',
  },
}

const report = (db: Queries) => db.query(`INSERT INTO reports VALUES ('2030-01-02')`)

async function fireChecked(db: Db) {
  const due = `SELECT count(*) FROM crons WHERE name = 'report' AND last_run < '2030-01-02'`
  if ((await number(db, due)) === 0) return
  await db.query(`UPDATE crons SET last_run = '2030-01-02' WHERE name = 'report'`)
  await report(db)
}

function fireOnce(db: Db) {
  return inTransaction(db, async (tx) => {
    const text = `UPDATE crons SET last_run = '2030-01-02'
      WHERE name = 'report' AND last_run < '2030-01-02'`
    const { rowCount } = await tx.query(text)
    if (rowCount === 1) await report(tx)
  })
}

const LEASES = {
  schema: `CREATE TABLE clock (now int NOT NULL);
    CREATE TABLE leases (name text PRIMARY KEY, token int NOT NULL, until int NOT NULL);
    CREATE TABLE ledgers (name text PRIMARY KEY, total int NOT NULL);
    CREATE TABLE additions (worker text PRIMARY KEY, amount int NOT NULL)`,
  seed: `INSERT INTO clock VALUES (0); INSERT INTO leases VALUES ('sum', 0, 0);
    INSERT INTO ledgers VALUES ('sum', 0)`,
  invariants: {
    'the total holds every addition': `SELECT total FROM ledgers
      WHERE total <> (SELECT coalesce(sum(amount), 0) FROM additions)`,
  },
  // Who loses the lease has done nothing, and yet the lease has had one holder more.
  serial: false,
}

async function acquire(db: Db): Promise<number | undefined> {
  const text = `UPDATE leases SET token = token + 1, until = clock.now + 30 FROM clock
    WHERE name = 'sum' AND until <= clock.now RETURNING token`
  return (await firstRow<{ token: number }>(db, text))?.token
}

/** One statement: the total goes up and the addition is noted. `guard` says when it may. */
async function addUnderLease(db: Db, worker: string, guard: string) {
  const token = await acquire(db)
  if (token === undefined) return 'somebody else is at it'
  const total = await number(db, `SELECT total FROM ledgers WHERE name = 'sum'`)
  const text = `WITH lease AS (SELECT token FROM leases WHERE name = 'sum' FOR SHARE),
    written AS (UPDATE ledgers SET total = $1 FROM lease WHERE name = 'sum' ${guard} RETURNING name)
    INSERT INTO additions SELECT $3, 10 FROM written WHERE $2::int IS NOT NULL`
  const { rowCount } = await db.query(text, [total + 10, token, worker])
  return rowCount === 1 ? 'added' : 'lost the lease'
}

const passTime = async (db: Db) => {
  await db.query('UPDATE clock SET now = now + 60')
}

const additions = (guard: string) => ({
  ann: (db: Db) => addUnderLease(db, 'ann', guard),
  bob: (db: Db) => addUnderLease(db, 'bob', guard),
  time: passTime,
})

const COUNTERS = {
  schema: 'CREATE TABLE counters (name text PRIMARY KEY, n int NOT NULL)',
  seed: `INSERT INTO counters VALUES ('visits', 0)`,
}

const readCounter = (db: Queries) => number(db, `SELECT n FROM counters WHERE name = 'visits'`)

async function writeCounter(db: Queries, n: number) {
  await db.query(`UPDATE counters SET n = $1 WHERE name = 'visits'`, [n])
}

async function bump(db: Queries) {
  await writeCounter(db, (await readCounter(db)) + 1)
}

/** The lock of the session is given back while what it guards has not been committed. */
async function bumpReleasingEarly(db: Db) {
  const client = await db.connect()
  try {
    await client.query('BEGIN')
    await client.query('SELECT pg_advisory_lock(1)')
    await bump(client)
    await client.query('SELECT pg_advisory_unlock(1)')
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}

/** `lock` is a function of the server; what `pg_try...` answers is what nobody looks at. */
function bumpLocked(db: Db, lock: string) {
  return inTransaction(db, async (tx) => {
    await tx.query(`SELECT ${lock}(1)`)
    await bump(tx)
  })
}

/** The retry repeats the write, and not the read that it came from. */
async function bumpRetryingTheWrite(db: Db) {
  const n = await readCounter(db)
  const options = { isolation: 'repeatable read', attemptsMax: 4 } as const
  await inTransaction(db, (tx) => writeCounter(tx, n + 1), options)
}

const bumpRetrying = (db: Db) => inTransaction(db, bump, SERIALIZABLE)
const bumpOnce = (db: Db) => inTransaction(db, bump, { isolation: 'repeatable read' })

/** A retry that keeps on, as a framework does it, and tells how often it had to. */
async function bumpInLoop(db: Db) {
  for (;;) {
    try {
      return await bumpOnce(db)
    } catch (error) {
      if (!isRetried(error)) throw error
    }
  }
}

const TENANTS = {
  schema: `CREATE TABLE notes (tenant text, id int, text text NOT NULL, PRIMARY KEY (tenant, id))`,
  seed: `INSERT INTO notes VALUES ('a', 1, 'of a'), ('b', 1, 'of b')`,
  invariants: {
    'nobody writes into notes of others': `SELECT * FROM notes WHERE text NOT IN ('of ' || tenant, 'new of ' || tenant)`,
  },
}

const setNote = (db: Db, tenant: string, text: string) =>
  db.query('UPDATE notes SET text = $2 WHERE tenant = $1 AND id = 1', [tenant, text])

async function noteOfAnyone(db: Db, tenant: string) {
  await db.query('UPDATE notes SET text = $1 WHERE id = 1', [`new of ${tenant}`])
}

async function noteOfTenant(db: Db, tenant: string) {
  await setNote(db, tenant, `new of ${tenant}`)
}

/** One variable of the module for what belongs to a request. */
let currentTenant = ''

async function noteOfCurrent(db: Db, tenant: string) {
  currentTenant = tenant
  await db.query('SELECT FROM notes WHERE tenant = $1', [tenant])
  await setNote(db, currentTenant, `new of ${tenant}`)
}

const twice = (command: (db: Db) => Promise<unknown>) => ({ ann: command, bob: command })
const ofBoth = (command: (db: Db, tenant: string) => Promise<unknown>) => ({
  a: (db: Db) => command(db, 'a'),
  b: (db: Db) => command(db, 'b'),
})

export const work: TwinSet = {
  'job claimed twice': {
    ...JOBS,
    broken: { finds: 'lost-update', run: claims('') },
    fixed: {
      'FOR UPDATE SKIP LOCKED': { run: claims('FOR UPDATE SKIP LOCKED') },
      'FOR UPDATE, waiting': { run: claims('FOR UPDATE') },
    },
  },
  'SKIP LOCKED missing': {
    ...JOBS,
    broken: { run: claimsBySubquery('') },
    fixed: { 'SKIP LOCKED': { run: claimsBySubquery('FOR UPDATE SKIP LOCKED') } },
  },
  'cron firing on two nodes': {
    ...CRON,
    broken: {
      run: { node1: fireChecked, node2: fireChecked },
    },
    fixed: { 'the row decides who fires': { run: { node1: fireOnce, node2: fireOnce } } },
  },
  'lock with a lease shorter than the work': {
    ...LEASES,
    broken: { run: additions('') },
    fixed: {
      'the write is fenced by the lease': { run: additions('AND lease.token = $2') },
    },
  },
  'lock released before commit': {
    ...COUNTERS,
    broken: { finds: 'lost-update', run: twice(bumpReleasingEarly) },
    fixed: {
      'the lock ends with the transaction': {
        run: twice((db) => bumpLocked(db, 'pg_advisory_xact_lock')),
      },
    },
  },
  'lock tried, answer ignored': {
    ...COUNTERS,
    broken: {
      finds: 'lost-update',
      run: twice((db) => bumpLocked(db, 'pg_try_advisory_xact_lock')),
    },
    fixed: {
      'the lock is waited for': { run: twice((db) => bumpLocked(db, 'pg_advisory_xact_lock')) },
    },
  },
  'retry that repeats the write alone': {
    ...COUNTERS,
    broken: { finds: 'lost-update', run: twice(bumpRetryingTheWrite) },
    fixed: { 'the read is retried too': { run: twice(bumpInLoop) } },
  },
  'REPEATABLE READ without a retry': {
    ...COUNTERS,
    broken: { finds: 'serialization-failure', run: twice(bumpOnce) },
    fixed: { 'SERIALIZABLE with retry': { run: twice(bumpRetrying) } },
  },
  'tenant in a variable of the module': {
    ...TENANTS,
    broken: { run: ofBoth(noteOfCurrent) },
    fixed: { 'the tenant is handed down': { run: ofBoth(noteOfTenant) } },
  },
  'dropped tenant predicate': {
    ...TENANTS,
    broken: { run: ofBoth(noteOfAnyone) },
    fixed: { 'the tenant is part of the key': { run: ofBoth(noteOfTenant) } },
  },
}
