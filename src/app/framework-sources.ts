import { existsSync } from 'node:fs'
import { databaseSource, type MigrationSource } from '../database/migrate/source.ts'

/** In the order in which they run: a later one may build on an earlier one. */
const CAPABILITIES: readonly (readonly [name: string, folder: string])[] = [
  ['holdfast/idempotency', '../state/idempotency/migrations/'],
  ['holdfast/audit', '../state/audit/migrations/'],
  ['holdfast/event', '../state/event/migrations/'],
  ['holdfast/job', '../state/job/migrations/'],
  ['holdfast/quota', '../state/quota/migrations/'],
  ['holdfast/api-key', '../access/api-key/migrations/'],
]

/** The framework's own migrations; a capability that was removed has none. They run before any module's. */
export function frameworkSources(): MigrationSource[] {
  const sources = CAPABILITIES.map(([name, folder]) => ({
    name,
    directory: new URL(folder, import.meta.url),
  }))
  return [databaseSource, ...sources.filter(({ directory }) => existsSync(directory))]
}
