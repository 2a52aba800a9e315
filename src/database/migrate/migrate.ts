/** Brings a database up to its migration files; one runner at a time. */
import type { Client } from 'pg'
import { type IntegerBound, integerOption } from '../../base/bounds.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { type Log, silentLog } from '../../runtime/log.ts'
import { unsafeRole } from './check-role.ts'
import { checkTenantTables, type TenantFinding } from './check-tenant-tables.ts'
import {
  compareMigrations,
  keyOf,
  type MigrationStatus,
  type OutOfOrder,
  refuseDrift,
} from './plan.ts'
import { type RunSettings, runFile } from './run-file.ts'
import { holdRunnerLock, type RunnerWait, withSession } from './session.ts'
import { type MigrationFile, type MigrationSource, readSources } from './source.ts'
import { prepareLedger, readLedger } from './store.ts'

/** Which database, which files, and how long to wait for others. */
export interface MigrateOptions {
  /** A direct connection (DATABASE_DIRECT_URL): no transaction pooler in between. */
  readonly url: string
  /** In the order in which they run. */
  readonly sources: readonly MigrationSource[]
  readonly log?: Pick<Log, 'info' | 'warn'>
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

/** What a run of `migrate` has done. */
export interface MigrationReport {
  readonly before: MigrationStatus
  readonly after: MigrationStatus
  /** 'ordering/0001_create_orders', in the order in which they ran. */
  readonly applied: readonly string[]
  readonly notes: readonly string[]
  /** Tables that would leak between tenants, as the database is after the run. */
  readonly findings: readonly TenantFinding[]
}

const HOUR_MS = 3_600_000

const BOUNDS = {
  lockTimeoutMs: {
    min: 10,
    max: 60_000,
    default: 500,
    because: 'the application queues behind a waiting ALTER for as long',
  },
  lockAttemptsMax: {
    min: 1,
    max: 10_000,
    default: 60,
    because: 'with pauses of up to 5 s a file is given up after about 3 minutes',
  },
  runnerWaitMs: {
    min: 0,
    max: 24 * HOUR_MS,
    default: 5 * 60_000,
    because: 'a deployment would rather fail than hang',
  },
  concurrentlyWaitMs: {
    min: 1000,
    max: 24 * HOUR_MS,
    default: 10 * 60_000,
    because: 'building an index concurrently waits for every older transaction',
  },
} as const satisfies Record<string, IntegerBound>

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
  const settings = toSettings(options)
  return withSession(options.url, async (client) => {
    const before = compareMigrations(files, await readLedger(client))
    // Many processes start at once; those that find nothing to do need not queue for the lock.
    if (before.current)
      return {
        before,
        after: before,
        applied: [],
        notes: [],
        findings: await checkTenantTables(client),
      }
    await holdRunnerLock(client, settings)
    return runAll(client, files, settings)
  })
}

async function runAll(
  client: Client,
  files: readonly MigrationFile[],
  settings: Settings,
): Promise<MigrationReport> {
  await warnOfRole(client, settings.log)
  await prepareLedger(client)
  const records = await readLedger(client)
  const before = compareMigrations(files, records)
  refuseDrift(before, settings.outOfOrder)
  const open = new Set(before.entries.filter(isOpen).map(keyOf))
  const applied: string[] = []
  for (const file of files.filter((candidate) => open.has(keyOf(candidate)))) {
    settings.log.info({ migration: keyOf(file) }, 'Applying migration')
    const record = records.find((candidate) => keyOf(candidate) === keyOf(file))
    await runFile({ ...settings, client }, file, record)
    applied.push(keyOf(file))
  }
  const after = compareMigrations(files, await readLedger(client))
  const findings = await checkTenantTables(client)
  return { before, after, applied, notes: settings.notes, findings }
}

/** No refusal: an app may log in as another role than the one that migrates. */
async function warnOfRole(client: Client, log: Settings['log']): Promise<void> {
  const fault = await unsafeRole(client)
  if (fault === undefined) return
  log.warn(
    {},
    `No app starts as the role of this run, which will own what is applied. ${fault.message}`,
  )
}

function isOpen({ state }: MigrationStatus['entries'][number]): boolean {
  return state === 'pending' || state === 'partial' || state === 'late'
}

type Settings = Omit<RunSettings, 'client'> &
  RunnerWait & {
    readonly log: Pick<Log, 'info' | 'warn'>
    readonly outOfOrder: OutOfOrder
    readonly notes: readonly string[]
  }

function toSettings(options: MigrateOptions): Settings {
  const log = options.log ?? silentLog
  const notes: string[] = []
  const bounded = (field: keyof typeof BOUNDS) =>
    integerOption('migrate', field, options[field], BOUNDS[field])
  return {
    log,
    notes,
    clock: options.clock ?? systemClock,
    lockTimeoutMs: bounded('lockTimeoutMs'),
    lockAttemptsMax: bounded('lockAttemptsMax'),
    runnerWaitMs: bounded('runnerWaitMs'),
    concurrentlyWaitMs: bounded('concurrentlyWaitMs'),
    outOfOrder: options.outOfOrder ?? 'refuse',
    onWait: (holder) => log.info({ holder }, 'Waiting for another migration runner'),
    onRetry: (file, attempt, reason) =>
      log.warn({ migration: keyOf(file), attempt, reason }, 'Lock not available; trying again'),
    onNote: (note) => {
      notes.push(note)
      log.warn({ note }, 'Migration note')
    },
  }
}
