/**
 * The operations of a small app over a real database, asked as a transport would ask them: for
 * tests of the executor. Between the pool and the server stands a proxy that counts and cuts.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { frameworkSources } from '../app/sources.ts'
import { systemClock } from '../base/clock.ts'
import { type Principal, principal } from '../base/principal.ts'
import { loadCatalog } from '../database/catalog.ts'
import { createGuard } from '../database/guard.ts'
import { migrate } from '../database/migrate/migrate.ts'
import type { MigrationSource } from '../database/migrate/source.ts'
import { Pool, type PoolOptions } from '../database/pool.ts'
import type { Row } from '../database/statement.ts'
import type { AppDefinition } from '../operation/builder.ts'
import type { OperationContract } from '../operation/contract.ts'
import { execute } from '../operation/execute.ts'
import type { RegisteredOperation } from '../operation/registered.ts'
import { buildRegistry } from '../operation/registry.ts'
import type { OperationRuntime } from '../operation/runtime.ts'
import type { LogFields } from '../runtime/log.ts'
import { installOutboundGuard } from '../runtime/outbound-guard.ts'
import { type CallerGone, type Credential, deadlineAfter, OpenScope } from '../runtime/scope.ts'
import { traceContext } from '../runtime/trace-context.ts'
import { TcpProxy } from './tcp-proxy.ts'
import { testDatabase } from './test-database.ts'

export interface TestOperationsOptions {
  readonly app: AppDefinition
  /** The migration of each module, as SQL. */
  readonly tables: Readonly<Record<string, string>>
  readonly pool?: Partial<PoolOptions>
  readonly runtime?: Partial<OperationRuntime>
}

export interface AskAs {
  readonly tenant?: string
  readonly id?: string
  readonly permissions?: readonly string[]
  readonly key?: string | undefined
  readonly ifMatch?: string
  readonly timeoutMs?: number
  readonly callerGone?: CallerGone
  readonly credential?: Credential
  readonly requestId?: string
  /** Default: the input as JSON. */
  readonly rawInput?: string
  /** In place of the common one. */
  readonly runtime?: OperationRuntime
}

export interface Answer {
  readonly status: number
  readonly code: unknown
  readonly body: Record<string, unknown>
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
  readonly replayed: boolean
  /** By the pool's own count. */
  readonly trips: number
}

export interface LogLine extends LogFields {
  readonly level: string
  readonly message: string
}

/** Of the event loop: what is on its way back needs some. */
const TURNS_MAX = 10_000
/** Far above what a loaded machine needs; a test that hangs ends with it. */
const TIMEOUT_MS = 20_000

export class TestOperations {
  readonly runtime: OperationRuntime
  readonly pool: Pool
  readonly proxy: TcpProxy
  /** Where a pool of one's own goes. */
  readonly url: string
  readonly adminUrl: string
  readonly lines: LogLine[]
  /** Credentials that the database has refused. */
  readonly refused: Credential[]
  readonly #ends: (() => unknown)[]

  private constructor(parts: Parts, ends: (() => unknown)[]) {
    this.runtime = parts.runtime
    this.pool = parts.runtime.pool
    this.proxy = parts.proxy
    this.url = parts.url
    this.adminUrl = parts.adminUrl
    this.lines = parts.lines
    this.refused = parts.refused
    this.#ends = ends
  }

  static async start(options: TestOperationsOptions): Promise<TestOperations> {
    const ends: (() => unknown)[] = [installOutboundGuard()]
    const database = await testDatabase()
    ends.push(() => database.drop())
    const { url, adminUrl } = database
    const { sources, remove } = await writeSources(options.tables)
    await migrate({ url, sources: [...frameworkSources(), ...sources] }).finally(remove)
    const proxy = await TcpProxy.start(url)
    ends.push(() => proxy.close())
    const pool = new Pool({ url: proxy.url, connectionsMax: 8, ...options.pool })
    ends.push(() => pool.close())
    const lines: LogLine[] = []
    const refused: Credential[] = []
    const runtime = await runtimeOf(options, pool, lines, refused)
    return new TestOperations({ runtime, proxy, url, adminUrl, lines, refused }, ends)
  }

  /** A caller that leaves when the test says so. */
  leaving(): { readonly callerGone: CallerGone; leave(): void } {
    const gone: (() => void)[] = []
    const callerGone: CallerGone = (onGone) => {
      gone.push(onGone)
      return () => {}
    }
    return {
      callerGone,
      leave: () => {
        for (const onGone of gone) onGone()
      },
    }
  }

  /** Resolves when so many wait for a connection. */
  async poolWaits(count: number): Promise<void> {
    while (this.pool.metrics().waiting !== count) await new Promise(setImmediate)
  }

  /** A fresh key unless one is given; `key: undefined` sends none. */
  async ask(contract: OperationContract, input: unknown, as: AskAs = {}): Promise<Answer> {
    const scope = this.#scope(as)
    const { roundTrips } = this.pool.metrics()
    const runtime = as.runtime ?? this.runtime
    const operation = runtime.registry.operations.get(contract.name) as RegisteredOperation
    const reply = await execute(runtime, operation, {
      scope,
      input: { ok: true, value: input },
      rawInput: as.rawInput ?? JSON.stringify(input) ?? '',
      ...(as.ifMatch !== undefined && { ifMatch: as.ifMatch }),
    })
    scope.close()
    const trips = this.pool.metrics().roundTrips - roundTrips
    const body = (reply.body === '' ? {} : JSON.parse(reply.body)) as Record<string, unknown>
    const { status, headers, replayed, body: text } = reply
    return { status, code: body.code, body, text, headers, replayed, trips }
  }

  #scope(as: AskAs): OpenScope {
    return new OpenScope({
      principal: principalOf(as),
      credential: as.credential,
      requestId: as.requestId ?? randomUUID(),
      trace: traceContext(undefined),
      deadline: deadlineAfter(systemClock, as.timeoutMs ?? TIMEOUT_MS),
      clock: systemClock,
      idempotencyKey: 'key' in as ? as.key : randomUUID(),
      callerGone: as.callerGone,
    })
  }

  /** What the database holds, seen past row level security. */
  async rows<R extends Row>(text: string, ...values: unknown[]): Promise<R[]> {
    const admin = new Pool({ url: this.adminUrl, connectionsMax: 1 })
    try {
      const [rows] = await admin.run([{ text, values }])
      return (rows?.rows ?? []) as R[]
    } finally {
      await admin.close()
    }
  }

  async count(from: string): Promise<number> {
    const [row] = await this.rows<{ count: number }>(`SELECT count(*) FROM ${from}`)
    return row?.count ?? 0
  }

  /** Empties every table that commands write to, and what was logged. */
  async clear(): Promise<void> {
    this.lines.length = 0
    this.refused.length = 0
    const kept = `'migrations', 'table_owners', 'api_keys', 'subscriptions', 'quotas'`
    await this.rows(`DO $$ BEGIN EXECUTE (
      SELECT 'TRUNCATE ' || string_agg(oid::regclass::text, ', ') FROM pg_class
      WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'holdfast'::regnamespace)
        AND relname NOT IN (${kept})); END $$`)
  }

  /** Resolves when the server runs a statement with this text. */
  async serverRuns(text: string): Promise<void> {
    const running = `SELECT FROM pg_stat_activity
      WHERE state = 'active' AND query LIKE $1 AND pid <> pg_backend_pid()`
    while ((await this.rows(running, `%${text}%`)).length === 0);
  }

  /** Holds every entry until the returned function is called. */
  async lockEntries(): Promise<() => Promise<void>> {
    const client = new pg.Client({ connectionString: this.adminUrl })
    await client.connect()
    await client.query('BEGIN')
    await client.query('SELECT FROM entries FOR UPDATE')
    return () => client.end()
  }

  /** How much commands have left behind. */
  async traces(): Promise<Record<string, number> | undefined> {
    const [found] = await this.rows<Record<string, number>>(`SELECT
      (SELECT count(*) FROM entries) AS entries,
      (SELECT count(*) FROM holdfast.idempotency_keys) AS keys,
      (SELECT count(*) FROM holdfast.audit_entries) AS audit,
      (SELECT count(*) FROM holdfast.events) AS events,
      (SELECT count(*) FROM holdfast.jobs) AS jobs`)
    return found
  }

  /** Fails unless every connection comes back to the pool. */
  async assertNothingHeld(): Promise<void> {
    const { pool } = this
    const isBack = () => pool.metrics().idle === pool.metrics().connections
    for (let turn = 0; turn < TURNS_MAX && !isBack(); turn++) await new Promise(setImmediate)
    const { idle, connections, waiting } = pool.metrics()
    assert.deepEqual({ idle, waiting }, { idle: connections, waiting: 0 })
  }

  async stop(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end()
  }
}

interface Parts {
  readonly runtime: OperationRuntime
  readonly proxy: TcpProxy
  readonly url: string
  readonly adminUrl: string
  readonly lines: LogLine[]
  readonly refused: Credential[]
}

function principalOf({ tenant = 'acme', id = 'key_a', permissions = ['*'] }: AskAs): Principal {
  return principal({ id, kind: 'api-key', tenant, roles: [], permissions })
}

async function writeSources(tables: TestOperationsOptions['tables']): Promise<{
  readonly sources: readonly MigrationSource[]
  readonly remove: () => Promise<void>
}> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'))
  const sources = await Promise.all(
    Object.entries(tables).map(async ([name, text]) => {
      const path = join(folder, name)
      await mkdir(path)
      await writeFile(join(path, '0001_tables.sql'), text)
      return { name, directory: pathToFileURL(`${path}/`) }
    }),
  )
  return { sources, remove: () => rm(folder, { recursive: true }) }
}

async function runtimeOf(
  { app, runtime }: TestOperationsOptions,
  pool: Pool,
  lines: LogLine[],
  refused: Credential[],
): Promise<OperationRuntime> {
  const guard = createGuard({ mode: 'development' })
  guard.use(await loadCatalog(pool))
  await guard.ready
  return {
    pool,
    registry: buildRegistry(app),
    services: {},
    clock: systemClock,
    log: logInto(lines),
    guard,
    limiter: { check: () => ({ allowed: true, retryAfterMs: 0, headers: {} }) },
    idempotency: { retentionMs: 3_600_000, waitMs: 2_000 },
    credentialRefused: (credential) => refused.push(credential),
    wake: () => {},
    stacks: true,
    ...runtime,
  }
}

function logInto(lines: LogLine[]): OperationRuntime['log'] {
  const write = (level: string) => (fields: LogFields, message: string) => {
    lines.push({ ...fields, level, message })
  }
  const log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    with: () => log,
  }
  return log
}
