/**
 * The shop with two tenants that have used everything there is: orders, products, keys, events,
 * jobs. `acme` then asks, `globex` must stay as it is and unseen.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { type Role, roleNames, type Tenant } from '../../example/shop/shared/roles.ts'
import { type Answer, type Caller, type TestShop, testShop } from '../../example/shop/test-shop.ts'
import type { JsonSchema } from '../../src/base/schema.ts'
import type { RegisteredOperation, Registry } from '../../src/operation/registered.ts'
import { Harvest, inputFor, type Values } from './harvest.ts'

export interface Side {
  readonly tenant: Tenant
  readonly callers: Readonly<Record<Role, Caller>>
  readonly seen: Harvest
}

export interface Asked {
  readonly input: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
  readonly idempotencyKey?: string
}

/** Stands in everything that only `globex` may see. */
export const CANARY = 'canary'

/** What a schema alone does not tell: values that an operation takes, fresh for each request. */
const SPECIAL: Readonly<Record<string, () => Readonly<Record<string, unknown>>>> = {
  'catalog.create-product': () => ({ sku: `T-${randomUUID().toUpperCase()}` }),
  'catalog.adjust-stock': () => ({ change: 1 }),
}

export class TwoTenants {
  readonly shop: TestShop
  readonly own: Side
  readonly foreign: Side

  private constructor(shop: TestShop, own: Side, foreign: Side) {
    this.shop = shop
    this.own = own
    this.foreign = foreign
  }

  static async start(): Promise<TwoTenants> {
    const shop = await testShop()
    const own = await sideOf(shop, 'acme')
    const foreign = await sideOf(shop, 'globex')
    const tenants = new TwoTenants(shop, own, foreign)
    for (const side of [own, foreign]) await tenants.#live(side)
    await shop.deliverEvents()
    await shop.finishJobs()
    for (const side of [own, foreign]) await tenants.#look(side)
    return tenants
  }

  get registry(): Registry {
    return this.shop.running.runtime.registry
  }

  /** Every operation that can be asked for over HTTP. */
  get operations(): readonly RegisteredOperation[] {
    return [...this.registry.operations.values()].filter(({ http }) => http !== undefined)
  }

  /** Makes and changes something of everything, so that every table has rows of both. */
  async #live({ tenant, callers }: Side): Promise<void> {
    const mark = tenant === 'globex' ? CANARY : 'plain'
    const sku = `${mark.toUpperCase()}-1`
    const product = { sku, name: `A ${mark}`, price_minor: 100, currency: 'EUR', stock: 50 }
    await done(callers.merchant.ask('POST /v1/products', { body: product }))
    const body = { lines: [{ sku, quantity: 1 }], email: `${mark}@example.org` }
    for (let orders = 0; orders < 3; orders++) {
      await done(callers.customer.ask('POST /v1/orders', { body }))
    }
  }

  /** Reads whatever can be read: lists first, they name what the others need. */
  async #look(side: Side): Promise<void> {
    const reads = this.operations.filter(({ kind }) => kind === 'query')
    const lists = reads.filter(({ http }) => http?.params.length === 0)
    for (const operation of [...lists, ...reads]) {
      for (const role of roleNames) {
        const answer = await this.ask(side.callers[role], operation, {
          input: this.inputOf(operation, side),
        })
        if (answer.status === 200) side.seen.take(answer.body)
      }
    }
  }

  /** An input of an operation out of what a side has seen. */
  inputOf(operation: RegisteredOperation, side: Side): Record<string, unknown> {
    const special = SPECIAL[operation.name]?.() ?? {}
    const values: Values = (name, schema) =>
      special[name] ?? this.valueOf(operation, side, name, schema)
    return inputFor(operation.inputSchema, values)
  }

  /** Free text of the other side is not written: it would be one's own then. */
  valueOf(operation: RegisteredOperation, side: Side, name: string, schema: JsonSchema): unknown {
    const names = typeof schema.pattern === 'string' && schema.format !== 'email'
    const { seen } = operation.kind === 'query' || names ? side : this.own
    return seen.valuesOf(name, schema)[0]
  }

  /** Asks as REST binds it: path, then query or body. */
  ask(
    caller: Caller,
    operation: RegisteredOperation,
    { input, headers, idempotencyKey }: Asked,
  ): Promise<Answer> {
    const { method, path, params, hasBody } = operation.http as NonNullable<
      RegisteredOperation['http']
    >
    const target = path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(`${input[name]}`))
    const rest = Object.entries(input).filter(([name]) => !params.includes(name))
    const options = {
      headers: { 'if-match': '*', ...headers },
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    }
    if (hasBody)
      return caller.ask(`${method} ${target}`, { ...options, body: Object.fromEntries(rest) })
    const query = new URLSearchParams(rest.map(([name, value]) => [name, String(value)]))
    return caller.ask(`${method} ${target}${query.size > 0 ? `?${query}` : ''}`, options)
  }

  /** One digest for each table with rows of `globex`, seen past row level security. */
  async foreignState(): Promise<Readonly<Record<string, string>>> {
    const tables = await this.tenantTables()
    const digests = tables.map(async ({ name, column }) => {
      const [row] = await this.admin<{ rows: number; digest: string }>(
        `SELECT count(*)::int AS rows, coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') AS digest
         FROM ${name} t WHERE ${column} = 'globex'`,
      )
      return [name, `${row?.rows} ${row?.digest}`] as const
    })
    return Object.fromEntries(await Promise.all(digests))
  }

  /** Every table with a column for the tenant, of the app and of the framework. */
  tenantTables(): Promise<readonly { readonly name: string; readonly column: string }[]> {
    return this.admin(`
      SELECT c.oid::regclass::text AS name, a.attname AS column
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname IN ('tenant', 'tenant_id')
      WHERE c.relkind IN ('r', 'p') AND c.relnamespace IN ('public'::regnamespace, 'holdfast'::regnamespace)
      ORDER BY 1`)
  }

  async admin<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.shop.database.adminUrl })
    await client.connect()
    try {
      return (await client.query<Row>(text, [...values])).rows
    } finally {
      await client.end()
    }
  }

  /** What no reply to `acme` may hold: the canary, and every id of `globex`. */
  async foreignMarks(): Promise<readonly string[]> {
    const tables = await this.tenantTables()
    const marks = new Set([CANARY, CANARY.toUpperCase()])
    for (const { name, column } of tables) {
      const rows = await this.admin<{ row: string }>(
        `SELECT to_jsonb(t)::text AS row FROM ${name} t WHERE ${column} = 'globex'`,
      )
      for (const { row } of rows) {
        for (const [id] of row.matchAll(UUID)) marks.add(id).add(id.replaceAll('-', ''))
      }
    }
    return [...marks]
  }

  stop(): Promise<void> {
    return this.shop[Symbol.asyncDispose]() as Promise<void>
  }
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

async function sideOf(shop: TestShop, tenant: Tenant): Promise<Side> {
  const callers = {
    customer: await shop.caller(tenant, 'customer'),
    merchant: await shop.caller(tenant, 'merchant'),
    support: await shop.caller(tenant, 'support'),
  }
  return { tenant, callers, seen: new Harvest() }
}

async function done(answer: Promise<Answer>): Promise<void> {
  const { status, body } = await answer
  assert.equal(status, 201, JSON.stringify(body))
}
