/**
 * The connection that migrations run on: direct (session locks and SET do not survive a transaction
 * pooler), and alone: a session-level advisory lock keeps other runners out of this database.
 */
import { Client, DatabaseError } from 'pg'
import { type Backoff, backoffMs } from '../../base/backoff.ts'
import { type Clock, pause } from '../../base/clock.ts'
import { HoldfastError } from '../../base/fault.ts'
import { readSupportedVersion } from '../server-version.ts'

/** A server that accepts connections answers within milliseconds; ten seconds are a dead host. */
const CONNECT_TIMEOUT_MS = 10_000
/** 'HFMG', 1: the advisory lock of runners. Advisory locks are per database. */
const LOCK_KEYS = '1212566855, 1'
const LOCK_POLL: Backoff = { baseMs: 50, capMs: 500 }

/** Opens a direct connection to a supported, writable server. */
export async function openSession(url: string): Promise<Client> {
  const client = new Client({
    connectionString: url,
    application_name: 'holdfast migrate',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  })
  // A connection lost between two statements is reported by the next statement.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (cause) {
    throw new HoldfastError('HF_DATABASE_UNAVAILABLE', unreachable(client, cause), { cause })
  }
  try {
    await checkServer(client)
  } catch (error) {
    await client.end()
    throw error
  }
  return client
}

function unreachable(client: Client, cause: unknown): string {
  const place = `${client.host}:${client.port}, database ${client.database}, user ${client.user}`
  return `No connection to ${place}: ${reasonOf(cause)}.`
}

/** A refused connection to several addresses is an AggregateError without a message. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join(', ')
  return cause instanceof Error ? cause.message : String(cause)
}

async function checkServer(client: Client): Promise<void> {
  await readSupportedVersion(client)
  const { rows } = await client.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby')
  if (rows[0]?.standby !== true) return
  throw new HoldfastError(
    'HF_DATABASE_UNAVAILABLE',
    'The server is a read-only standby; migrations need the primary (DATABASE_DIRECT_URL).',
  )
}

/** A direct connection for one piece of work. */
export async function withSession<T>(
  url: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await openSession(url)
  try {
    return await work(client)
  } catch (error) {
    throw error instanceof HoldfastError ? error : sessionFault(error)
  } finally {
    // Ends the lock, too. A lost connection is ended already.
    await client.end().catch(() => {})
  }
}

function sessionFault(cause: unknown): HoldfastError {
  const report = serverError(cause)
  if (report === undefined) {
    const message = `The connection was lost: ${reasonOf(cause)}.`
    return new HoldfastError('HF_DATABASE_UNAVAILABLE', message, { cause })
  }
  const message = `The server refused: ${report.message} (SQLSTATE ${report.code}).`
  return new HoldfastError('HF_MIGRATION_FAILED', message, { cause })
}

export interface RunnerWait {
  readonly clock: Clock
  readonly runnerWaitMs: number
  readonly onWait: (holder: string) => void
}

/**
 * Takes the lock of runners, or fails after `runnerWaitMs` with the name of its holder. Polls: a
 * statement that waits in the server holds a snapshot, and CREATE INDEX CONCURRENTLY of the runner
 * that has the lock would wait for that snapshot in turn.
 */
export async function holdRunnerLock(client: Client, wait: RunnerWait): Promise<void> {
  const giveUpAtMs = wait.clock.monotonicMs() + wait.runnerWaitMs
  for (let attempt = 0; !(await tryLock(client)); attempt++) {
    const holder = await lockHolder(client)
    if (attempt === 0) wait.onWait(holder)
    if (wait.clock.monotonicMs() >= giveUpAtMs) {
      const waited = `Waited ${wait.runnerWaitMs} ms for another runner: ${holder}.`
      throw new HoldfastError('HF_MIGRATION_LOCKED', waited)
    }
    await pause(wait.clock, backoffMs(LOCK_POLL, attempt))
  }
}

async function tryLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>(
    `SELECT pg_try_advisory_lock(${LOCK_KEYS}) AS held`,
  )
  return rows[0]?.held === true
}

async function lockHolder(client: Client): Promise<string> {
  const { rows } = await client.query<{ holder: string }>(
    `SELECT format('process %s (%s) from %s since %s', a.pid, a.application_name,
         coalesce(host(a.client_addr), 'this machine'), to_char(a.backend_start, 'HH24:MI:SS TZ')) AS holder
       FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE l.locktype = 'advisory' AND l.granted AND (l.classid, l.objid) = (${LOCK_KEYS})
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  )
  return rows[0]?.holder ?? 'one that has just ended'
}

/**
 * What one file SETs must not reach the next one; RESET ALL leaves role and temporary tables.
 * Names without a schema mean schema public: the default path begins with "$user", and the schema
 * `holdfast` would catch every table that a login role of that name makes.
 */
export async function resetSession(client: Client, lockTimeoutMs: number): Promise<void> {
  await client.query(`
    RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; DISCARD TEMP; DEALLOCATE ALL;
    SET search_path = public; SET client_min_messages = warning; SET TimeZone = 'UTC'; SET standard_conforming_strings = on;
    SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
    SET lock_timeout = ${Math.trunc(lockTimeoutMs)}`)
}

/** The error as the server reported it, or undefined where it came from elsewhere. */
export function serverError(error: unknown): DatabaseError | undefined {
  return error instanceof DatabaseError ? error : undefined
}
