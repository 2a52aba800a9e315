/** The migrations of an app: the framework's own first, then its modules in their order. */
import type { MigrationSource } from '../database/migrate/source.ts'
import type { Registry } from '../operation/registered.ts'

const FRAMEWORK = [
  ['holdfast/database', '../database/migrations/'],
  ['holdfast/api-key', '../access/api-key/migrations/'],
  ['holdfast/idempotency', '../state/idempotency/migrations/'],
  ['holdfast/audit', '../state/audit/migrations/'],
  ['holdfast/event', '../state/event/migrations/'],
  ['holdfast/job', '../state/job/migrations/'],
  ['holdfast/quota', '../state/quota/migrations/'],
  ['holdfast/staging', '../state/staging/migrations/'],
] as const

export function frameworkSources(): readonly MigrationSource[] {
  return FRAMEWORK.map(([name, path]) => ({ name, directory: new URL(path, import.meta.url) }))
}

/**
 * The migrations of an app: those of the framework, then those of its modules in their order. For
 * `migrate`.
 */
export function migrationSources(registry: Pick<Registry, 'modules'>): readonly MigrationSource[] {
  const modules = [...registry.modules.values()].flatMap(({ name, migrations }) =>
    migrations === undefined ? [] : [{ name, directory: migrations }],
  )
  return [...frameworkSources(), ...modules]
}
