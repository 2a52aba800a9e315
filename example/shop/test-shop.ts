/** The real shop on a database of its own, for tests: HTTP in, small seed, mails kept in memory. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { createApiKey } from '../../src/access/api-key/api-key.ts'
import { migrationSources } from '../../src/app/sources.ts'
import { type RunningApp, startApp } from '../../src/app/start-app.ts'
import { migrate } from '../../src/database/migrate/migrate.ts'
import type { Statement } from '../../src/database/statement.ts'
import { buildRegistry } from '../../src/operation/registry.ts'
import { loadConfig } from '../../src/runtime/config.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/test-database.ts'
import { type TestSignal, testSignal } from '../../src/testing/test-signal.ts'
import { until } from '../../test/until.ts'
import { app } from './app.ts'
import type { Mail, Mailer } from './notifications/mailer.ts'
import { ProviderAdmin } from './payment-provider/provider-admin.ts'
import { newAccounts } from './payment-provider/provider-process.ts'
import { startProvider } from './payment-provider/provider-server.ts'
import { paymentProvider, providerSettings } from './payments/payment-provider-client.ts'
import { seed } from './seed.ts'
import { type Role, roles, type Tenant, tenants } from './shared/roles.ts'

export interface Answer<Body = Record<string, unknown>> {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

export interface AskOptions {
  readonly body?: unknown
  /** A body that is no JSON, as it is sent. */
  readonly stream?: { readonly type: string; readonly body: string | Uint8Array | ReadableStream }
  readonly idempotencyKey?: string
  readonly headers?: Readonly<Record<string, string>>
  /** The caller leaves when it aborts. */
  readonly signal?: AbortSignal
}

/** One caller with a key of its own. */
export interface Caller {
  readonly principal: string
  /** `ask('POST /v1/orders', { body })`; a fresh idempotency key unless one is given. */
  ask<Body = Record<string, unknown>>(what: string, options?: AskOptions): Promise<Answer<Body>>
}

export interface TestShop extends AsyncDisposable {
  readonly running: RunningApp
  readonly database: TestDatabase
  readonly mails: TestSignal<Mail>
  /** The payment provider, in this process: a real one, whose store is gone with it. */
  readonly provider: ProviderAdmin
  caller(tenant: Tenant, role: Role): Promise<Caller>
  /** Reads in a tenant, as the owner of the shop's tables or as a role. */
  rows<Row extends pg.QueryResultRow>(
    tenant: Tenant,
    text: string,
    values?: readonly unknown[],
    role?: 'holdfast_app' | 'holdfast_loops',
  ): Promise<readonly Row[]>
  /** Brings every event to its subscriptions. */
  deliverEvents(): Promise<void>
  /** Does the jobs that are due, and lets those that run come to their end. */
  finishJobs(): Promise<void>
}

const size = { products: 100, orders: 120, customers: 10 }

export interface TestShopOptions {
  /** What stands between the shop and its database: gives the URL that leads through it. */
  readonly through?: (database: TestDatabase) => Promise<string>
  /** In place of one that keeps what it gets in `mails`. */
  readonly mailer?: Mailer
}

export async function testShop(options: TestShopOptions = {}): Promise<TestShop> {
  // What did start is stopped where the rest does not: a test that fails must not hang.
  await using cleanup = new AsyncDisposableStack()
  const database = await testDatabase()
  cleanup.defer(() => database.drop())
  await migrate({ url: database.url, sources: migrationSources(buildRegistry(app)) })
  await seed({ url: database.url, sizes: { acme: size, globex: size } })
  const mails = testSignal<Mail>('mail')
  const mailer: Mailer = options.mailer ?? {
    send: async (mail) => mails.emit(mail),
    close: () => {},
  }
  const config = loadConfig({
    HOLDFAST_ENV: 'test',
    DATABASE_URL: (await options.through?.(database)) ?? database.url,
    DATABASE_DIRECT_URL: database.url,
    PORT: '0',
    ADMIN_PORT: '0',
    LOG_LEVEL: 'error',
  })
  const { payments, ...provider } = await testProvider()
  cleanup.defer(provider.stop)
  cleanup.defer(() => payments.close())
  const running = await startApp(app, { config, roles, services: { mailer, payments } })
  cleanup.defer(() => running.stop())
  await provider.admin.sendWebhooksTo(`${running.apiUrl}/v1/webhooks/payments`)
  const inTenant: InTenant = (tenant, role, text, values) =>
    askDatabase(database.url, tenant, role, text, values)
  const stops = cleanup.move()
  return {
    running,
    database,
    mails,
    provider: provider.admin,
    caller: (tenant, role) => newCaller(inTenant, running.apiUrl ?? '', tenant, role),
    rows: (tenant, text, values, role) => inTenant(tenant, role ?? 'none', text, values),
    deliverEvents: () => runLoop(running, 'relay'),
    async finishJobs() {
      await running.loops.stop()
      await runLoop(running, 'worker')
      running.loops.start()
    },
    [Symbol.asyncDispose]: () => stops.disposeAsync(),
  }
}

async function testProvider() {
  const accounts = newAccounts(tenants)
  const { url, stop } = await startProvider({ file: ':memory:', accounts })
  const settings = { PAYMENTS_URL: url, PAYMENTS_ACCOUNTS: JSON.stringify(accounts) }
  const payments = paymentProvider(providerSettings(settings))
  return { admin: new ProviderAdmin(url), payments, stop }
}

type InTenant = <Row extends pg.QueryResultRow>(
  tenant: string,
  role: string,
  text: string,
  values?: readonly unknown[],
) => Promise<Row[]>

async function newCaller(
  inTenant: InTenant,
  apiUrl: string,
  tenant: Tenant,
  role: Role,
): Promise<Caller> {
  const issued = await createApiKey(
    {
      query: async <Row>({ text, values }: Statement) =>
        (await inTenant(tenant, 'holdfast_app', text, values)) as Row[],
    },
    { name: 'test', environment: 'dev', roles: [role] },
  )
  const authorization = `Bearer ${issued.text.reveal()}`
  return {
    principal: issued.key.principal,
    async ask<Body>(what: string, options: AskOptions = {}) {
      const { body, stream, idempotencyKey, headers, signal } = options
      const [method = '', path = ''] = what.split(' ')
      const response = await fetch(apiUrl + path, {
        method,
        headers: {
          authorization,
          ...(method !== 'GET' && { 'idempotency-key': idempotencyKey ?? randomUUID() }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(stream !== undefined && { 'content-type': stream.type }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(stream !== undefined && { body: stream.body, duplex: 'half' }),
        ...(signal !== undefined && { signal }),
      } as RequestInit)
      const isJson = /json/.test(response.headers.get('content-type') ?? '')
      const reply = (await (isJson ? response.json() : response.text())) as Body
      return { status: response.status, headers: response.headers, body: reply }
    },
  }
}

interface ListPage<Item> {
  readonly data: readonly Item[]
  readonly next_cursor: string | null
}

/** Every page of a list, one after another: `/v1/orders?status=placed`. */
export async function allPages<Item>(by: Caller, path: string): Promise<Item[]> {
  const items: Item[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const next: string = cursor === '' ? path : `${path}&cursor=${encodeURIComponent(cursor)}`
    const { status, body } = await by.ask<ListPage<Item>>(`GET ${next}`)
    if (status !== 200) throw new Error(`${next}: ${status} ${JSON.stringify(body)}`)
    items.push(...body.data)
    cursor = body.next_cursor
  }
  return items
}

/** Pays for an order, and waits until it is. */
export async function payFor(by: Caller, order: string): Promise<void> {
  const body = { source: 'src_card' }
  const { status } = await by.ask(`POST /v1/orders/${order}/pay`, { body })
  if (status !== 202) throw new Error(`${order} could not be paid for: ${status}`)
  await until(`${order} is paid`, async () => {
    const { body } = await by.ask(`GET /v1/orders/${order}`)
    return body.payment_status === 'paid'
  })
}

/** One statement on a connection of its own, with the context of a tenant. */
async function askDatabase<Row extends pg.QueryResultRow>(
  url: string,
  tenant: string,
  role: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('BEGIN')
    const context = `SELECT set_config('role', $1, true), set_config('holdfast.tenant', $2, true)`
    await client.query(context, [role, tenant])
    const { rows } = await client.query<Row>(text, [...values])
    await client.query('COMMIT')
    return rows
  } finally {
    await client.end()
  }
}

/** What is due now is done when it returns. */
async function runLoop(running: RunningApp, name: 'relay' | 'worker'): Promise<void> {
  const loop = running.loops.all.find((each) => each.name === name)
  while ((await loop?.runOnce()) === 'again');
}
