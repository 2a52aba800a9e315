import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { frameworkSources } from '../app/sources.ts'
import { HoldfastError } from '../base/fault.ts'
import type { MigrationStatus } from '../database/migrate/plan.ts'
import type { MigrationSource } from '../database/migrate/source.ts'
import type { CommandCall, Terminal } from './command.ts'
import { loadProject, type Project } from './config.ts'

export function projectOf(call: CommandCall): Promise<Project> {
  return loadProject(call.terminal.cwd, call.text('config'))
}

export function sourcesOf(project: Project): MigrationSource[] {
  return [...frameworkSources(), ...project.sources]
}

export function shortPath({ cwd }: Terminal, file: URL): string {
  return relative(cwd, fileURLToPath(file)) || fileURLToPath(file)
}

/** HF_MIGRATION_PENDING with the names of what is not as it should be. */
export function pending(status: MigrationStatus): HoldfastError {
  const open = status.entries.filter(({ state }) => state !== 'applied' && state !== 'missing')
  const names = open.map(({ source, id, state }) => `${source}/${id} (${state})`)
  return new HoldfastError('HF_MIGRATION_PENDING', `Not applied: ${names.join(', ')}.`)
}
