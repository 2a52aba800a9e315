/** What the files say against what the ledger says. Pure. */
import { sha256 } from '../../base/digest.ts'
import { HoldfastError } from '../../base/fault.ts'
import type { MigrationFile } from './source.ts'
import type { MigrationRecord } from './store.ts'

/**
 * - `applied`, `pending`: as named.
 * - `partial`: a file without a transaction stopped in the middle; the next run goes on there.
 * - `changed`: its text is no longer the text that was applied.
 * - `late`: not applied, but a later file of its source is (branches merged out of order).
 * - `missing`: applied, but no file is there: removed, renamed, or of a newer release.
 */
export type MigrationState = 'applied' | 'pending' | 'partial' | 'changed' | 'late' | 'missing'

export interface MigrationEntry {
  readonly source: string
  readonly id: string
  readonly state: MigrationState
  /** RFC 3339, UTC; of a partial file: when it was begun. */
  readonly appliedAt?: string
  /** What a reader should know about this entry. */
  readonly detail?: string
}

/** Each migration and its state, in the order in which they run. */
export interface MigrationStatus {
  readonly entries: readonly MigrationEntry[]
  /** Nothing is left to run and nothing is refused. Missing files do not count: they may be newer. */
  readonly current: boolean
}

export function compareMigrations(
  files: readonly MigrationFile[],
  records: readonly MigrationRecord[],
): MigrationStatus {
  const known = new Map(records.map((record) => [keyOf(record), record]))
  const present = new Set(files.map(keyOf))
  const last = lastApplied(records)
  const entries = [
    ...files.map((file) => toEntry(file, known.get(keyOf(file)), last.get(file.source) ?? '')),
    ...records.filter((record) => !present.has(keyOf(record))).map(toMissing),
  ]
  const settled = entries.every(({ state }) => state === 'applied' || state === 'missing')
  return { entries, current: settled }
}

export function keyOf(file: { readonly source: string; readonly id: string }): string {
  return `${file.source}/${file.id}`
}

function numberOf(id: string): number {
  return Number.parseInt(id, 10)
}

function lastApplied(records: readonly MigrationRecord[]): Map<string, string> {
  const last = new Map<string, string>()
  for (const { source, id } of records) {
    if (numberOf(id) > numberOf(last.get(source) ?? '0')) last.set(source, id)
  }
  return last
}

function toEntry(
  file: MigrationFile,
  record: MigrationRecord | undefined,
  last: string,
): MigrationEntry {
  const { source, id } = file
  if (record === undefined) {
    if (numberOf(id) > numberOf(last || '0')) return { source, id, state: 'pending' }
    return { source, id, state: 'late', detail: `${last} is applied already` }
  }
  const { appliedAt } = record
  if (record.state === 'partial') return toPartial(file, record)
  if (record.checksum === file.checksum) return { source, id, state: 'applied', appliedAt }
  return { source, id, state: 'changed', appliedAt, detail: `applied with another text` }
}

function toPartial(file: MigrationFile, record: MigrationRecord): MigrationEntry {
  const { source, id } = file
  const { appliedAt, statementsDone } = record
  const done = `${statementsDone} of ${file.statements.length} statements are done`
  if (!isDonePartUnchanged(file, record)) {
    return { source, id, state: 'changed', appliedAt, detail: `${done} and their text was changed` }
  }
  const reason = record.error === null ? 'the runner died' : record.error
  return { source, id, state: 'partial', appliedAt, detail: `${done}; ${reason}` }
}

/** What is still to be done may be mended; what is done must stand as it ran. */
function isDonePartUnchanged(file: MigrationFile, record: MigrationRecord): boolean {
  if (file.transactional) return record.statementsDone === 0
  return doneChecksum(file, record.statementsDone) === record.doneChecksum
}

export function doneChecksum(file: MigrationFile, statementsDone: number): string | null {
  const last = file.statements[statementsDone - 1]
  return last === undefined ? null : sha256(file.sql.slice(0, last.end)).toString('hex')
}

function toMissing(record: MigrationRecord): MigrationEntry {
  const { source, id, appliedAt } = record
  const detail = 'applied, but its file is not here: removed, renamed, or of a newer release'
  return { source, id, state: 'missing', appliedAt, detail }
}

/** `refuse`: a late file stops the run. `apply`: late files run first, in their order. */
export type OutOfOrder = 'refuse' | 'apply'

/** Throws where going on would leave this database different from others with the same files. */
export function refuseDrift(status: MigrationStatus, outOfOrder: OutOfOrder): void {
  const changed = status.entries.filter(({ state }) => state === 'changed')
  if (changed.length > 0) {
    const names = changed.map((entry) => `${keyOf(entry)}.sql (${entry.detail})`).join(', ')
    throw new HoldfastError('HF_MIGRATION_CHANGED', `${names}.`, { facts: { changed: names } })
  }
  const late = status.entries.filter(({ state }) => state === 'late')
  if (late.length > 0 && outOfOrder === 'refuse') {
    const names = late.map((entry) => `${keyOf(entry)}.sql (${entry.detail})`).join(', ')
    throw new HoldfastError('HF_MIGRATION_ORDER', `${names}.`, { facts: { late: names } })
  }
}
