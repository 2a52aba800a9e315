import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Client, type QueryResultRow } from 'pg'
import { isFault } from '../../src/base/fault.ts'
import {
  type MigrateOptions,
  type MigrationReport,
  migrate,
} from '../../src/database/migrate/migrate.ts'
import { databaseSource, type MigrationSource } from '../../src/database/migrate/source.ts'
import type { Log } from '../../src/runtime/log.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/test-database.ts'

/** A module's folder of migrations that a test writes to. */
/** What the sources of the framework bring along, before any module. */
export const FRAMEWORK = [
  'holdfast/database/0001_context',
  'holdfast/database/0002_schema_change',
  'holdfast/database/0003_tenant_tables',
]

export interface Module extends MigrationSource {
  write(files: Readonly<Record<string, string>>): Promise<void>
  remove(name: string): Promise<void>
}

export async function moduleOf(
  context: TestContext,
  name: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Module> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-migrate-'))
  context.after(() => rm(path, { recursive: true }))
  const write = async (added: Readonly<Record<string, string>>) => {
    for (const [file, text] of Object.entries(added)) await writeFile(join(path, file), text)
  }
  await write(files)
  return {
    name,
    directory: pathToFileURL(`${path}/`),
    write,
    remove: (file) => rm(join(path, file)),
  }
}

export async function freshDatabase(context: TestContext): Promise<TestDatabase> {
  const database = await testDatabase()
  context.after(() => database.drop())
  return database
}

export async function connect(context: TestContext, url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  context.after(() => client.end().catch(() => {}))
  return client
}

export type Options = Partial<Omit<MigrateOptions, 'url' | 'sources'>>

/** The framework's first source, then these modules. */
export function run(
  url: string,
  modules: readonly MigrationSource[],
  options: Options = {},
): Promise<MigrationReport> {
  return migrate({ url, sources: [databaseSource, ...modules], ...options })
}

/** A log that tells of each line by its message. */
export function watching(
  onLine: (message: string, fields: object) => void,
): Pick<Log, 'info' | 'warn'> {
  const line = (fields: object, message: string) => onLine(message, fields)
  return { info: line, warn: line }
}

export async function rowsOf<R extends QueryResultRow>(
  context: TestContext,
  url: string,
  text: string,
): Promise<R[]> {
  const client = await connect(context, url)
  return (await client.query<R>(text)).rows
}

/** For assert.rejects: an error of this code whose message has all these parts. */
export function fault(code: string, ...parts: readonly (string | RegExp)[]) {
  return (error: unknown): boolean => {
    if (!isFault(error) || error.code !== code) return false
    const lacking = parts.filter((part) =>
      typeof part === 'string' ? !error.message.includes(part) : !part.test(error.message),
    )
    if (lacking.length > 0) throw new Error(`Not in the message: ${lacking}\n${error.message}`)
    return true
  }
}
