import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { frameworkSources } from '../app/sources.ts'
import { HoldfastError } from '../base/fault.ts'
import type { MigrationStatus } from '../database/migrate/plan.ts'
import type { MigrationSource } from '../database/migrate/source.ts'
import type { AppDefinition } from '../operation/builder.ts'
import type { CommandCall, Terminal } from './command.ts'
import { loadProject, type Project } from './config.ts'

export function projectOf(call: CommandCall): Promise<Project> {
  return loadProject(call.terminal.cwd, call.text('config'))
}

export function sourcesOf(project: Project): MigrationSource[] {
  return [...frameworkSources(), ...project.sources]
}

/** The app that the project file names; nothing of it is started. */
export async function appOf(project: Project): Promise<AppDefinition> {
  if (project.appFile === undefined) {
    throw invalid(`The project names no file that exports its app (app: './app.ts').`)
  }
  const path = fileURLToPath(project.appFile)
  const { app } = await importApp(path, project.appFile.href)
  if (app?.made instanceof Set && Array.isArray(app.modules)) return app
  throw invalid(`${path} has no named export: export const app = shop.defineApp({ ... })`)
}

async function importApp(path: string, href: string): Promise<{ app?: AppDefinition }> {
  try {
    return await import(href)
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause
    throw invalid(`${path} cannot be read: ${(cause as Error).message}.`, cause)
  }
}

function invalid(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError('HF_PROJECT_INVALID', message, { cause })
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
