/** A module is a namespace of plain exports; this value among them names it and its migrations. */
import { knownOptions, optionError, shown } from '../base/bounds.ts'
import type { ServiceDefinitions } from '../runtime/service.ts'
import { definition } from './definition.ts'

export interface ModuleOptions<S> {
  /** Kebab-case; the first part of the name of everything it exports. */
  readonly name: string
  /** `new URL('./migrations/', import.meta.url)`. The module owns the tables these make. */
  readonly migrations?: URL
  readonly services?: ServiceDefinitions<S>
}

/** One business domain: the owner of its tables, with its services. */
export interface ModuleDefinition {
  readonly kind: 'module'
  readonly name: string
  readonly migrations: URL | undefined
  readonly services: ServiceDefinitions<Record<string, unknown>>
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

export function moduleDefinition<S>(options: ModuleOptions<S>): ModuleDefinition {
  const where = `module ${shown(options.name)}`
  if (typeof options.name !== 'string' || !NAME.test(options.name)) {
    throw optionError(where, 'name', 'must be in kebab-case')
  }
  knownOptions(where, options, ['name', 'migrations', 'services'])
  if (options.migrations !== undefined && !options.migrations.pathname.endsWith('/')) {
    throw optionError(
      where,
      'migrations',
      'must be the URL of a directory, with a slash at its end',
    )
  }
  return definition({
    kind: 'module',
    name: options.name,
    migrations: options.migrations,
    services: (options.services ?? {}) as ServiceDefinitions<Record<string, unknown>>,
  })
}
