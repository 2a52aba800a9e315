/**
 * The project as the command line sees it: `holdfast.config.ts`.
 *
 *   export const config = defineConfig({
 *     migrations: [{ name: 'ordering', directory: './ordering/migrations/' }],
 *     types: './database.ts',
 *     app: './app.ts',
 *   })
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { knownOptions, shown } from '../base/bounds.ts'
import { HoldfastError } from '../base/fault.ts'
import type { MigrationSource } from '../database/migrate/source.ts'
import { commonJsAdvice } from './commonjs-folder.ts'

/** The project file of the command line, holdfast.config.ts; paths are relative to it. */
export interface ProjectConfig {
  /** The modules' migrations, in the order in which they run; the framework's own come before. */
  readonly migrations: readonly ModuleMigrations[]
  /** Where the row types go, relative to this file; no types where it is absent. */
  readonly types?: string | URL
  /** The file that exports `app`, relative to this file: for the commands that look at the app. */
  readonly app?: string | URL
  /**
   * The file whose exports `holdfast prove` explores where none is named, relative to this file; the
   * commands of the app with each other where it is absent.
   */
  readonly prove?: string | URL
  /** Of `holdfast review`, which reads this file without running it: texts and lists, written out. */
  readonly review?: ReviewSettings
}

/** What `holdfast review` shows and leaves out. */
export interface ReviewSettings {
  /** This and worse is shown, and fails; warning where it is absent. */
  readonly level?: 'error' | 'warning' | 'info'
  /** Rules that are not looked for, by their ids. */
  readonly off?: readonly string[]
  /** Globs of paths that are not reviewed. */
  readonly ignore?: readonly string[]
}

/** The migrations of one module. */
export interface ModuleMigrations {
  /** The module's name: it owns the tables that these migrations make. */
  readonly name: string
  /** The folder of NNNN_name.sql files, relative to this file. */
  readonly directory: string | URL
}

/** Gives the configuration its type; it is checked when it is read. */
export function defineConfig(config: ProjectConfig): ProjectConfig {
  return config
}

export interface Project {
  readonly sources: readonly MigrationSource[]
  readonly typesFile: URL | undefined
  readonly appFile: URL | undefined
  readonly proveFile: URL | undefined
}

const FILES = ['holdfast.config.ts', 'holdfast.config.mts', 'holdfast.config.js']
const MODULE_NAME = /^[a-z][a-z0-9-]{0,62}$/

function invalid(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError('HF_PROJECT_INVALID', message, { cause })
}

/** Reads the project file: `given`, or the one in `cwd`. */
export async function loadProject(cwd: string, given: string | undefined): Promise<Project> {
  const path = findFile(cwd, given)
  const file = pathToFileURL(path)
  const module = await importConfig(path, file.href)
  if (typeof module.config !== 'object' || module.config === null) {
    throw invalid(`${path} has no named export: export const config = defineConfig({ ... })`)
  }
  return toProject(path, file, module.config)
}

/** For every command, whether it reads the file or not. */
export function checkConfigOption(cwd: string, given: string | undefined): void {
  if (given !== undefined) findFile(cwd, given)
}

/** False where nobody has written one: an app without tables of its own needs none. */
export function hasProject(cwd: string): boolean {
  return FILES.some((name) => existsSync(resolve(cwd, name)))
}

/** Of an app without tables: the framework's own migrations, and no types. */
export const bareProject: Project = {
  sources: [],
  typesFile: undefined,
  appFile: undefined,
  proveFile: undefined,
}

function findFile(cwd: string, given: string | undefined): string {
  const candidates = (given === undefined ? FILES : [given]).map((name) => resolve(cwd, name))
  const found = candidates.find((path) => existsSync(path))
  if (found !== undefined) return found
  if (given !== undefined) throw invalid(`There is no file ${candidates[0]}.`)
  throw invalid(
    `There is no holdfast.config.ts in ${cwd}. Write one, or name it with --config:\n\n` +
      `import { defineConfig } from 'holdfast/config'\n\n` +
      'export const config = defineConfig({\n' +
      `  migrations: [{ name: 'ordering', directory: './ordering/migrations/' }],\n` +
      `  types: './database.ts',\n  app: './app.ts',\n})\n\n`,
  )
}

async function importConfig(path: string, href: string): Promise<{ config?: unknown }> {
  try {
    return await import(href)
  } catch (cause) {
    const advice = cause instanceof SyntaxError ? commonJsAdvice(path) : undefined
    const why = [(cause as Error).message, advice].filter(Boolean).join('. ')
    throw invalid(`${path} cannot be read: ${why}.`, cause)
  }
}

function toProject(path: string, file: URL, config: object): Project {
  knownOptions(path, config, ['migrations', 'types', 'app', 'prove', 'review'])
  const { migrations, types, app, prove } = config as Partial<ProjectConfig>
  if (!Array.isArray(migrations)) throw invalid(`${path}: migrations must be a list.`)
  return {
    sources: migrations.map((entry) => toSource(path, file, entry)),
    typesFile: types === undefined ? undefined : located(path, 'types', types, file),
    appFile: app === undefined ? undefined : located(path, 'app', app, file),
    proveFile: prove === undefined ? undefined : located(path, 'prove', prove, file),
  }
}

function toSource(path: string, file: URL, entry: ModuleMigrations): MigrationSource {
  knownOptions(`${path}, migrations`, entry, ['name', 'directory'])
  if (!MODULE_NAME.test(entry.name) || entry.name === 'holdfast') {
    const rule = 'lower-case letters, digits and -, and not "holdfast"'
    throw invalid(`${path}: the module name ${shown(entry.name)} must be of ${rule}.`)
  }
  const directory = located(path, `directory of ${entry.name}`, entry.directory, file)
  return { name: entry.name, directory: new URL(directory.href.replace(/\/?$/, '/')) }
}

function located(path: string, field: string, place: unknown, file: URL): URL {
  if (place instanceof URL) return place
  if (typeof place === 'string' && place !== '') return new URL(place, file)
  throw invalid(`${path}: ${field} must be a path or a file URL.`)
}
