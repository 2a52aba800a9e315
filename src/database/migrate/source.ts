/** Migration files: where they are, how they are named, what they declare. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { sha256 } from '../../base/digest.ts'
import { HoldfastError } from '../../base/fault.ts'
import { type SplitStatement, splitStatements } from './split-statements.ts'

/** A folder of migrations: one module, or one part of the framework. */
export interface MigrationSource {
  /** Stable: it names the owner of the tables made. 'holdfast/job', 'ordering'. */
  readonly name: string
  /** A folder of NNNN_name.sql files; its URL ends in a slash. */
  readonly directory: URL
}

export interface MigrationFile {
  readonly source: string
  /** '0001_create_orders' */
  readonly id: string
  /** Line ends normalised to \n, no byte order mark. */
  readonly sql: string
  /** sha256 of `sql`, hexadecimal. */
  readonly checksum: string
  /** False where a first line declares `-- holdfast: no-transaction`. */
  readonly transactional: boolean
  readonly statements: readonly SplitStatement[]
}

/** The framework's own first source: schema, roles, context functions. */
export const databaseSource: MigrationSource = {
  name: 'holdfast/database',
  directory: new URL('../migrations/', import.meta.url),
}

const FILE_NAME = /^(\d{4,14})_[a-z0-9][a-z0-9_]*\.sql$/
const DIRECTIVE = /^--\s*holdfast:\s*(.*?)\s*$/
const NO_TRANSACTION = 'no-transaction'

function invalid(message: string): HoldfastError {
  return new HoldfastError('HF_MIGRATION_INVALID', message)
}

/** All files in the order in which they run: source by source, by number within a source. */
export async function readSources(sources: readonly MigrationSource[]): Promise<MigrationFile[]> {
  const names = sources.map((source) => source.name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw invalid(`Two migration sources are named ${twice}.`)
  return (await Promise.all(sources.map(readSource))).flat()
}

async function readSource(source: MigrationSource): Promise<MigrationFile[]> {
  const names = (await listDirectory(source)).filter((name) => name.endsWith('.sql'))
  const wrong = names.filter((name) => !FILE_NAME.test(name))
  if (wrong.length > 0) {
    throw invalid(
      `${source.name}: ${wrong.join(', ')}: a migration is named 0001_create_orders.sql.`,
    )
  }
  names.sort()
  names.sort((left, right) => numberOf(left) - numberOf(right))
  refuseDuplicates(source.name, names)
  return Promise.all(names.map((name) => readMigration(source, name)))
}

async function listDirectory(source: MigrationSource): Promise<string[]> {
  try {
    return await readdir(source.directory)
  } catch (cause) {
    const path = fileURLToPath(source.directory)
    throw new HoldfastError(
      'HF_MIGRATION_INVALID',
      `The folder ${path} of the migration source ${source.name} cannot be read.`,
      { cause },
    )
  }
}

function numberOf(name: string): number {
  return Number.parseInt(name, 10)
}

function refuseDuplicates(source: string, names: readonly string[]): void {
  const second = names.find(
    (name, at) => at > 0 && numberOf(name) === numberOf(names[at - 1] ?? ''),
  )
  if (second === undefined) return
  const first = names[names.indexOf(second) - 1]
  throw invalid(
    `${source}: ${first} and ${second} have the same number. Give the one that is not applied anywhere yet the next free number.`,
  )
}

async function readMigration(source: MigrationSource, name: string): Promise<MigrationFile> {
  const bytes = await readFile(new URL(name, withSlash(source.directory)))
  return parseMigration(source.name, name.slice(0, -'.sql'.length), bytes)
}

function withSlash(directory: URL): URL {
  return directory.pathname.endsWith('/') ? directory : new URL(`${directory.href}/`)
}

export function parseMigration(source: string, id: string, bytes: Uint8Array): MigrationFile {
  const sql = decode(`${source}/${id}.sql`, bytes)
  const transactional = !declaresNoTransaction(`${source}/${id}.sql`, sql)
  const checksum = sha256(sql).toString('hex')
  return { source, id, sql, checksum, transactional, statements: splitStatements(sql) }
}

/** The checksum must not depend on how a checkout writes line ends. */
function decode(file: string, bytes: Uint8Array): string {
  try {
    // TextDecoder drops a leading byte order mark.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replaceAll('\r\n', '\n')
  } catch (cause) {
    throw new HoldfastError('HF_MIGRATION_INVALID', `${file} is not UTF-8.`, { cause })
  }
}

/** Directives stand in the comment lines before the first statement. */
function declaresNoTransaction(file: string, sql: string): boolean {
  const lines = sql.split('\n')
  const end = lines.findIndex((line) => line.trim() !== '' && !line.startsWith('--'))
  const directives = lines
    .slice(0, end === -1 ? lines.length : end)
    .map((line) => DIRECTIVE.exec(line)?.[1])
    .filter((directive) => directive !== undefined)
  const unknown = directives.find((directive) => directive !== NO_TRANSACTION)
  if (unknown !== undefined) {
    throw invalid(
      `${file}: "-- holdfast: ${unknown}" is not known; "-- holdfast: ${NO_TRANSACTION}" is.`,
    )
  }
  return directives.length > 0
}

/** Writes an empty migration with the next number and returns its file name. `name`: 'create orders'. */
export async function newMigration(directory: URL, name: string): Promise<string> {
  const words = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
  if (words === '') throw invalid(`"${name}" holds no letter or digit to name a migration by.`)
  await mkdir(directory, { recursive: true })
  const taken = (await readdir(directory)).filter((file) => FILE_NAME.test(file)).map(numberOf)
  const number = String(Math.max(0, ...taken) + 1).padStart(4, '0')
  const file = `${number}_${words}.sql`
  const text = `-- ${name}\n`
  await writeFile(new URL(file, withSlash(directory)), text, { flag: 'wx' })
  return file
}
