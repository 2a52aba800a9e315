/**
 * Runs one migration file.
 *
 * - In a transaction: its statements, the owners of its tables and its ledger row commit together,
 *   or nothing of it stays. A lock that cannot be had in `lockTimeoutMs` gives the queue behind us
 *   free again, and the whole file is tried anew after a pause.
 * - Without one: each statement by itself. The ledger row is `partial` from before the first
 *   statement to after the last, and a later run goes on behind the last statement done.
 */
import type { Client, DatabaseError } from 'pg'
import { type Backoff, backoffMs } from '../../base/backoff.ts'
import { type Clock, pause } from '../../base/clock.ts'
import { HoldfastError } from '../../base/fault.ts'
import { sqlstate } from '../sqlstate.ts'
import { migrationFault, placeAt } from './failure.ts'
import { doneChecksum, keyOf } from './plan.ts'
import { resetSession, serverError } from './session.ts'
import type { MigrationFile } from './source.ts'
import type { SplitStatement } from './split-statements.ts'
import {
  dropIndexConcurrently,
  indexState,
  listTables,
  type MigrationRecord,
  recordApplied,
  recordPartial,
  recordTables,
} from './store.ts'

export interface RunSettings {
  readonly client: Client
  readonly clock: Clock
  readonly lockTimeoutMs: number
  readonly lockAttemptsMax: number
  readonly concurrentlyWaitMs: number
  readonly onRetry: (file: MigrationFile, attempt: number, reason: string) => void
  /** Something that a reader of the report should know. */
  readonly onNote: (note: string) => void
}

const LOCK_RETRY: Backoff = { baseMs: 100, capMs: 5000 }

const RETRYABLE: readonly (string | undefined)[] = [
  sqlstate.lockNotAvailable,
  sqlstate.deadlockDetected,
  sqlstate.serializationFailure,
]

/** Why a run of a file ended, with the statement that failed (none: the ledger, or COMMIT). */
class StatementFailure extends Error {
  readonly report: DatabaseError
  readonly statement: SplitStatement | undefined

  constructor(report: DatabaseError, statement: SplitStatement | undefined) {
    super(report.message, { cause: report })
    this.report = report
    this.statement = statement
  }
}

export async function runFile(
  settings: RunSettings,
  file: MigrationFile,
  record: MigrationRecord | undefined,
): Promise<void> {
  refuseUnrunnable(file)
  try {
    await resetSession(settings.client, settings.lockTimeoutMs)
    if (file.transactional) await retrying(settings, file, () => runOnce(settings, file))
    else await runStatements(settings, file, record)
  } catch (error) {
    throw toFault(file, error, 'Nothing of this file stays.')
  }
}

function refuseUnrunnable(file: MigrationFile): void {
  const name = `${keyOf(file)}.sql`
  if (file.statements.length === 0) {
    throw new HoldfastError('HF_MIGRATION_INVALID', `${name} holds no statement yet.`)
  }
  const control = file.statements.find(isTransactionControl)
  if (control === undefined) return
  const { line } = placeAt(file.sql, control.offset)
  throw new HoldfastError(
    'HF_MIGRATION_INVALID',
    `${name}, line ${line}: ${control.words[0]} stands in the file, but the runner opens and ends the transaction. Remove it.`,
  )
}

const CONTROL = new Set(['BEGIN', 'COMMIT', 'END', 'ABORT', 'ROLLBACK'])

function isTransactionControl({ words }: SplitStatement): boolean {
  const [first = '', second = '', third = ''] = words
  if (first === 'ROLLBACK') return second !== 'TO' && third !== 'TO'
  return (
    CONTROL.has(first) || ((first === 'START' || first === 'PREPARE') && second === 'TRANSACTION')
  )
}

/** Seen at once by who has an older snapshot (database/context.ts). No sequence: nobody to tell. */
const TELL_SNAPSHOTS = `SELECT setval(oid::regclass, pg_current_xact_id()::text::bigint)
 FROM pg_class WHERE oid = to_regclass('holdfast.schema_change')`

async function runOnce({ client, clock }: RunSettings, file: MigrationFile): Promise<void> {
  const startMs = clock.monotonicMs()
  await client.query('BEGIN')
  try {
    const before = await listTables(client)
    for (const statement of file.statements) await runStatement(client, statement)
    await client.query('RESET SESSION AUTHORIZATION; RESET ROLE')
    await recordTables(client, file.source, before)
    await recordApplied(client, file, clock.monotonicMs() - startMs)
    await client.query(TELL_SNAPSHOTS)
    await client.query('COMMIT')
  } catch (error) {
    // On a lost connection there is nothing to roll back: the first error tells it.
    await client.query('ROLLBACK').catch(() => {})
    throw withStatement(error, undefined)
  }
}

async function runStatement(client: Client, statement: SplitStatement): Promise<void> {
  try {
    await client.query(statement.text)
  } catch (error) {
    throw withStatement(error, statement)
  }
}

function withStatement(error: unknown, statement: SplitStatement | undefined): unknown {
  const report = serverError(error)
  return report === undefined ? error : new StatementFailure(report, statement)
}

async function retrying(
  settings: RunSettings,
  file: MigrationFile,
  work: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt >= settings.lockAttemptsMax || !isRetryable(error)) throw error
      settings.onRetry(file, attempt, error.message)
      await pause(settings.clock, backoffMs(LOCK_RETRY, attempt))
    }
  }
}

function isRetryable(error: unknown): error is StatementFailure {
  return error instanceof StatementFailure && RETRYABLE.includes(error.report.code)
}

function toFault(file: MigrationFile, error: unknown, stays: string): unknown {
  if (error instanceof HoldfastError) return error
  const report = error instanceof StatementFailure ? error.report : serverError(error)
  if (report !== undefined) {
    const statement = error instanceof StatementFailure ? error.statement : undefined
    return migrationFault(file, statement, report, stays)
  }
  return new HoldfastError(
    'HF_MIGRATION_FAILED',
    `The connection was lost during ${keyOf(file)}.sql. The server undoes what was not committed.`,
    { cause: error },
  )
}

async function runStatements(
  settings: RunSettings,
  file: MigrationFile,
  record: MigrationRecord | undefined,
): Promise<void> {
  const { client, clock } = settings
  const startMs = clock.monotonicMs()
  let done = record?.statementsDone ?? 0
  // Without a recorded error the last runner died, and may have died behind the next statement.
  let isInDoubt = record !== undefined && record.error === null
  try {
    for (const statement of file.statements.slice(done)) {
      await recordPartial(client, file, progress(file, done))
      await runAlone(settings, file, statement, isInDoubt)
      isInDoubt = false
      done++
    }
    await recordApplied(client, file, clock.monotonicMs() - startMs)
  } catch (error) {
    const next = file.statements[done] ?? { offset: file.sql.length }
    const stays = `${done} of ${file.statements.length} statements are done and stay; the next run goes on at line ${placeAt(file.sql, next.offset).line}.`
    await recordPartial(client, file, { ...progress(file, done), error: messageOf(error) }).catch(
      () => {},
    )
    throw toFault(file, error, stays)
  }
}

function progress(file: MigrationFile, statementsDone: number) {
  return { statementsDone, doneChecksum: doneChecksum(file, statementsDone), error: null }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function runAlone(
  settings: RunSettings,
  file: MigrationFile,
  statement: SplitStatement,
  isInDoubt: boolean,
): Promise<void> {
  const { client } = settings
  const before = await listTables(client)
  if (statement.words.includes('CONCURRENTLY')) {
    await runConcurrently(settings, file, statement, isInDoubt)
  } else {
    await retrying(settings, file, () => runTold(client, statement))
  }
  await recordTables(client, file.source, before)
}

/** ALTER TABLE may rewrite: it is told to older snapshots in the transaction that does it. */
async function runTold(client: Client, statement: SplitStatement): Promise<void> {
  const [first, second] = statement.words
  if (first !== 'ALTER' || second !== 'TABLE') return runStatement(client, statement)
  await client.query('BEGIN')
  try {
    await runStatement(client, statement)
    await client.query(TELL_SNAPSHOTS)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}

/**
 * CONCURRENTLY waits for old transactions without blocking anybody, so it may wait long; and it is
 * not tried again by itself: each failure leaves an invalid index behind.
 */
async function runConcurrently(
  settings: RunSettings,
  file: MigrationFile,
  statement: SplitStatement,
  isInDoubt: boolean,
): Promise<void> {
  const { client } = settings
  await resetSession(client, settings.concurrentlyWaitMs)
  const isBuilt = await clearIndex(settings, file, statement, isInDoubt)
  if (!isBuilt) await runStatement(client, statement)
  await resetSession(client, settings.lockTimeoutMs)
}

const CREATE_INDEX =
  /^CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?("(?:[^"]|"")+"|[\w$]+)\s+ON\s+(?:ONLY\s+)?((?:(?:"(?:[^"]|"")+"|[\w$]+)\.)?(?:"(?:[^"]|"")+"|[\w$]+))/i

/** Drops what a failed build left behind. True where the index stands already and only its record is missing. */
async function clearIndex(
  settings: RunSettings,
  file: MigrationFile,
  statement: SplitStatement,
  isInDoubt: boolean,
): Promise<boolean> {
  if (statement.words[0] !== 'CREATE') return false
  const [, index, table] = CREATE_INDEX.exec(statement.text) ?? []
  if (index === undefined || table === undefined) throw unnamedIndex(file, statement)
  const found = await indexState(settings.client, unquoted(index), table)
  if (found === undefined) return false
  if (found.valid) {
    if (isInDoubt) settings.onNote(`${found.name} was built by a runner that died after it.`)
    return isInDoubt
  }
  if (found.builder !== null) throw beingBuilt(file, found.name, found.builder)
  await dropIndexConcurrently(settings.client, found.name)
  settings.onNote(
    `${found.name} was left invalid by a failed run; it was dropped and is built anew.`,
  )
  return false
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase()
}

function unnamedIndex(file: MigrationFile, statement: SplitStatement): HoldfastError {
  const { line } = placeAt(file.sql, statement.offset)
  return new HoldfastError(
    'HF_MIGRATION_INVALID',
    `${keyOf(file)}.sql, line ${line}: CREATE INDEX CONCURRENTLY needs a name, so that a later run can tell what a failed one left behind.`,
  )
}

function beingBuilt(file: MigrationFile, index: string, pid: number): HoldfastError {
  return new HoldfastError(
    'HF_MIGRATION_LOCKED',
    `${keyOf(file)}.sql: ${index} is being built right now by process ${pid}.`,
  )
}
