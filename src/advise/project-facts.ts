/** What the files of a project tell: its dependencies and its migrations. Nothing of it is run. */
import { glob, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { KnownAnswer } from './advice.ts'
import type { Facts } from './database-facts.ts'
import type { QuestionId } from './questions.ts'

/** What is there today, as an option of a decision. */
export interface Present {
  readonly decision: string
  readonly option: string
  readonly because: string
}

export interface ProjectFacts {
  readonly facts: Facts
  readonly present: readonly Present[]
  /** What could not be read, in one sentence each. */
  readonly complaints: readonly string[]
}

/** Package, decision, option. */
const DEPENDENCIES: readonly (readonly [name: string, decision: string, option: string])[] = [
  ['pg', 'database', 'postgres'],
  ['postgres', 'database', 'postgres'],
  ['mongodb', 'database', 'document'],
  ['mongoose', 'database', 'document'],
  ['neo4j-driver', 'database', 'graph'],
  ['pgvector', 'database', 'pgvector'],
  ['kysely', 'query-layer', 'builder'],
  ['knex', 'query-layer', 'builder'],
  ['drizzle-orm', 'query-layer', 'builder'],
  ['@prisma/client', 'query-layer', 'orm'],
  ['typeorm', 'query-layer', 'orm'],
  ['sequelize', 'query-layer', 'orm'],
  ['bullmq', 'broker', 'redis'],
  ['pg-boss', 'broker', 'postgres'],
  ['graphile-worker', 'broker', 'postgres'],
  ['holdfast', 'broker', 'postgres'],
  ['kafkajs', 'broker', 'kafka'],
  ['amqplib', 'broker', 'rabbitmq'],
  ['nats', 'broker', 'nats'],
  ['@aws-sdk/client-sqs', 'broker', 'cloud'],
  ['ioredis', 'caching', 'shared'],
  ['redis', 'caching', 'shared'],
  ['jsonwebtoken', 'authentication', 'jwt'],
  ['express-session', 'authentication', 'sessions'],
  ['openid-client', 'authentication', 'oidc'],
  ['graphql', 'transport', 'graphql'],
  ['@trpc/server', 'transport', 'rpc'],
  ['@orpc/server', 'transport', 'rpc'],
  ['@grpc/grpc-js', 'transport', 'grpc'],
  ['socket.io', 'transport', 'websocket'],
  ['meilisearch', 'search-engine', 'light'],
  ['typesense', 'search-engine', 'light'],
  ['@elastic/elasticsearch', 'search-engine', 'heavy'],
  ['@opensearch-project/opensearch', 'search-engine', 'heavy'],
  ['@aws-sdk/client-s3', 'file-storage', 'object'],
  ['@temporalio/client', 'sync-or-async', 'orchestration'],
  ['@opentelemetry/api', 'observability', 'head-sampling'],
]

const MANIFEST_BYTES_MAX = 1_000_000
const LOCKFILE_BYTES_MAX = 20_000_000
const MIGRATIONS_MAX = 500
const MIGRATION_BYTES_MAX = 1_000_000

export async function projectFacts(folder: string): Promise<ProjectFacts> {
  const facts = new Map<QuestionId, KnownAnswer>()
  const complaints: string[] = []
  const names = await dependencies(folder, complaints)
  if (names !== undefined) facts.set('language', read('javascript', 'package.json'))
  if (names?.has('@trpc/server') || names?.has('@orpc/server'))
    facts.set('clientsPerTypescript', read(true, 'package.json'))
  for (const [id, answer] of await migrationFacts(folder)) facts.set(id, answer)
  const versions = await installedVersions(folder)
  const present = DEPENDENCIES.filter(([name]) => names?.has(name)).map(
    ([name, decision, option]) => ({ decision, option, because: becauseOf(name, versions) }),
  )
  return { facts, present, complaints }
}

function becauseOf(name: string, versions: ReadonlyMap<string, string>): string {
  const version = versions.get(name)
  return version === undefined ? `${name} in package.json` : `${name} ${version}, package-lock.json`
}

/** By package-lock.json, where there is one; other lockfiles are not read. */
async function installedVersions(folder: string): Promise<ReadonlyMap<string, string>> {
  const text = await textOf(join(folder, 'package-lock.json'), LOCKFILE_BYTES_MAX)
  try {
    const packages: Record<string, { version?: unknown }> = JSON.parse(text ?? '{}').packages ?? {}
    return new Map(
      Object.entries(packages).flatMap(([path, { version }]) =>
        typeof version === 'string' ? [[path.replace(/^node_modules\//, ''), version]] : [],
      ),
    )
  } catch {
    return new Map()
  }
}

function read(value: KnownAnswer['value'], from: string): KnownAnswer {
  return { value, origin: 'read', from }
}

async function dependencies(
  folder: string,
  complaints: string[],
): Promise<ReadonlySet<string> | undefined> {
  const text = await textOf(join(folder, 'package.json'), MANIFEST_BYTES_MAX)
  if (text === undefined) return undefined
  try {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(text)
    const groups: unknown[] = [dependencies, devDependencies, optionalDependencies]
    return new Set(groups.flatMap((group) => Object.keys((group ?? {}) as object)))
  } catch {
    complaints.push('package.json is no JSON and was passed over.')
    return undefined
  }
}

async function textOf(path: string, bytesMax: number): Promise<string | undefined> {
  try {
    const { size } = await stat(path)
    return size > bytesMax ? undefined : await readFile(path, 'utf8')
  } catch {
    return undefined
  }
}

const MONEY = /\b\w*(?:amount|price|balance|total|stock|quantity)\w*\s+(?:int|big|num|money)/i

async function migrationFacts(folder: string): Promise<Facts> {
  const facts = new Map<QuestionId, KnownAnswer>()
  let seen = 0
  const files = glob('**/migrations/**/*.sql', {
    cwd: folder,
    exclude: (name) => name.includes('node_modules'),
  })
  for await (const file of files) {
    if (++seen > MIGRATIONS_MAX) break
    const text = (await textOf(join(folder, file), MIGRATION_BYTES_MAX)) ?? ''
    // How many tenants there are stands in no file: two is what tenant_id means at least.
    if (/\btenant_id\b/.test(text)) facts.set('tenants', read(2, `tenant_id in ${file}: at least`))
    if (MONEY.test(text)) facts.set('moneyOrStock', read(true, `columns of ${file}`))
  }
  return facts
}
