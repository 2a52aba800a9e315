/** Brings a database up to its migration files; one runner at a time. */
import type { Client } from 'pg'
import { type Clock, systemClock } from '../../base/clock.ts'
import {
  compareMigrations,
  keyOf,
  type MigrationStatus,
  type OutOfOrder,
  refuseDrift,
} from './plan.ts'
import { type RunSettings, runFile } from './run-file.ts'
import { holdRunnerLock, openSession } from './session.ts'
import { type MigrationFile, type MigrationSource, readSources } from './source.ts'
import { prepareLedger, readLedger } from './store.ts'

/** Takes pino's loggers. */
export interface MigrationLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface MigrateOptions {
  /** A direct connection (DATABASE_DIRECT_URL): no transaction pooler in between. */
  readonly url: string
  /** In the order in which they run. */
  readonly sources: readonly MigrationSource[]
  readonly log?: MigrationLog
  readonly clock?: Clock
  /** How long a statement may queue for a lock, and the application behind it. 500 ms by default. */
  readonly lockTimeoutMs?: number
  /** Tries per file, with pauses of up to 5 s between them. 60 by default: about 3 minutes. */
  readonly lockAttemptsMax?: number
  /** How long to wait for another runner. 5 minutes by default. */
  readonly runnerWaitMs?: number
  /** How long CREATE INDEX CONCURRENTLY may wait for old transactions. 10 minutes by default. */
  readonly concurrentlyWaitMs?: number
  /** What to do about files that sort before an applied one of their source. `refuse` by default. */
  readonly outOfOrder?: OutOfOrder
}

export interface MigrationReport {
  readonly before: MigrationStatus
  readonly after: MigrationStatus
  /** 'ordering/0001_create_orders', in the order in which they ran. */
  readonly applied: readonly string[]
  readonly notes: readonly string[]
}

const DEFAULTS = {
  lockTimeoutMs: 500,
  lockAttemptsMax: 60,
  runnerWaitMs: 5 * 60_000,
  concurrentlyWaitMs: 10 * 60_000,
} as const

const SILENT: MigrationLog = { info() {}, warn() {} }

export async function migrationStatus(
  options: Pick<MigrateOptions, 'url' | 'sources'>,
): Promise<MigrationStatus> {
  const files = await readSources(options.sources)
  return withSession(options.url, async (client) =>
    compareMigrations(files, await readLedger(client)),
  )
}

export async function migrate(options: MigrateOptions): Promise<MigrationReport> {
  const files = await readSources(options.sources)
  return withSession(options.url, async (client) => {
    const before = compareMigrations(files, await readLedger(client))
    // Many processes start at once; those that find nothing to do need not queue for the lock.
    if (before.current) return { before, after: before, applied: [], notes: [] }
    await holdRunnerLock(client, {
      clock: options.clock ?? systemClock,
      runnerWaitMs: options.runnerWaitMs ?? DEFAULTS.runnerWaitMs,
      onWait: (holder) =>
        (options.log ?? SILENT).info({ holder }, 'Waiting for another migration runner'),
    })
    return runAll(client, files, options)
  })
}

async function withSession<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await openSession(url)
  try {
    return await work(client)
  } finally {
    // Ends the lock, too. A lost connection is ended already.
    await client.end().catch(() => {})
  }
}

async function runAll(
  client: Client,
  files: readonly MigrationFile[],
  options: MigrateOptions,
): Promise<MigrationReport> {
  const log = options.log ?? SILENT
  await prepareLedger(client)
  const records = await readLedger(client)
  const before = compareMigrations(files, records)
  refuseDrift(before, options.outOfOrder ?? 'refuse')
  const open = new Set(before.entries.filter(isOpen).map(keyOf))
  const applied: string[] = []
  const notes: string[] = []
  const settings = toSettings(client, options, log, notes)
  for (const file of files.filter((candidate) => open.has(keyOf(candidate)))) {
    log.info({ migration: keyOf(file) }, 'Applying migration')
    await runFile(
      settings,
      file,
      records.find((record) => keyOf(record) === keyOf(file)),
    )
    applied.push(keyOf(file))
  }
  const after = compareMigrations(files, await readLedger(client))
  return { before, after, applied, notes }
}

function isOpen({ state }: MigrationStatus['entries'][number]): boolean {
  return state === 'pending' || state === 'partial' || state === 'late'
}

function toSettings(
  client: Client,
  options: MigrateOptions,
  log: MigrationLog,
  notes: string[],
): RunSettings {
  return {
    client,
    clock: options.clock ?? systemClock,
    lockTimeoutMs: options.lockTimeoutMs ?? DEFAULTS.lockTimeoutMs,
    lockAttemptsMax: options.lockAttemptsMax ?? DEFAULTS.lockAttemptsMax,
    concurrentlyWaitMs: options.concurrentlyWaitMs ?? DEFAULTS.concurrentlyWaitMs,
    onRetry: (file, attempt, reason) =>
      log.warn({ migration: keyOf(file), attempt, reason }, 'Lock not available; trying again'),
    onNote: (note) => {
      notes.push(note)
      log.warn({}, note)
    },
  }
}
