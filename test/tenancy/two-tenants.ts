/**
 * The shop with two tenants that have used everything there is: orders, products, keys, events,
 * jobs. `acme` then asks, `globex` must stay as it is and unseen.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { type Role, roleNames, type Tenant } from '../../example/shop/shared/roles.ts'
import {
  type Answer,
  type Caller,
  payFor,
  type TestShop,
  testShop,
} from '../../example/shop/test-shop.ts'
import type { JsonSchema } from '../../src/base/schema.ts'
import type { RegisteredOperation, Registry } from '../../src/operation/registered.ts'
import { until } from '../until.ts'
import { Harvest, inputFor, type Values } from './harvest.ts'

export interface Side {
  readonly tenant: Tenant
  readonly callers: Readonly<Record<Role, Caller>>
  readonly seen: Harvest
  /** Orders that wait for a review. */
  readonly held: string[]
  /** Orders: the first with a charge, the second with a refund. */
  readonly paid: string[]
  readonly unpaid: string[]
  /** Orders that may be shipped. */
  readonly shippable: string[]
}

export interface Asked {
  readonly input: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
  readonly idempotencyKey?: string
}

/** Stands in everything that only `globex` may see. */
export const CANARY = 'canary'

/** With orders of both in the seed. */
const REPORTED_DAY = '2026-01-06'

/** What a schema alone does not tell: values that an operation takes, fresh for each request. */
const SPECIAL: Readonly<Record<string, (side: Side) => Readonly<Record<string, unknown>>>> = {
  'catalog.create-product': () => ({ sku: `T-${randomUUID().toUpperCase()}` }),
  'catalog.adjust-stock': () => ({ change: 1 }),
  'fraud.add-block': () => ({ kind: 'card', value: `fp_${randomUUID()}` }),
  'fraud.approve-order': ({ held }) => ({ id: held[0] }),
  'fraud.reject-order': ({ held }) => ({ id: held[1] }),
  'payments.get-payment': ({ paid }) => ({ id: paid[0] }),
  'payments.pay-order': ({ unpaid }) => ({ id: unpaid[0] }),
  'reporting.build-daily-sales': () => ({ date: REPORTED_DAY }),
  'reporting.get-daily-sales': () => ({ date: REPORTED_DAY }),
  'shipping.create-shipment': ({ shippable }) => ({ id: shippable[0] }),
  'shipping.move-shipment': () => ({ status: 'in_transit' }),
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
    // A server that nobody stops would keep the run of the tests from ending.
    await using cleanup = new AsyncDisposableStack()
    const shop = cleanup.use(await testShop())
    const own = await sideOf(shop, 'acme')
    const foreign = await sideOf(shop, 'globex')
    const tenants = new TwoTenants(shop, own, foreign)
    for (const side of [own, foreign]) await tenants.#live(side)
    await shop.deliverEvents()
    await tenants.#hurry()
    await shop.finishJobs()
    for (const side of [own, foreign]) await tenants.#look(side)
    cleanup.move()
    return tenants
  }

  get registry(): Registry {
    return this.shop.running.runtime.registry
  }

  /** Every operation that can be asked for over HTTP with an API key. */
  get operations(): readonly RegisteredOperation[] {
    const operations = [...this.registry.operations.values()]
    return operations.filter(({ http, authenticate }) => http !== undefined && !authenticate)
  }

  /** Makes and changes something of everything, so that every table has rows of both. */
  async #live({ tenant, callers, held, paid, unpaid, shippable }: Side): Promise<void> {
    const mark = tenant === 'globex' ? CANARY : 'plain'
    const sku = `${mark.toUpperCase()}-1`
    const product = { sku, name: `A ${mark}`, price_minor: 100, currency: 'EUR', stock: 50 }
    await done(callers.merchant.ask('POST /v1/products', { body: product }))
    const body = { lines: [{ sku, quantity: 1 }], email: `${mark}@example.org` }
    const block = { kind: 'country', value: 'XA', reason: `A ${mark}` }
    const card = { kind: 'card', value: `fp_${mark}_1`, reason: `A ${mark}` }
    for (const each of [block, card]) {
      await done(callers.merchant.ask('POST /v1/fraud/blocklist', { body: each }))
    }
    for (let orders = 0; orders < 2; orders++) {
      const unusual = { ...body, country: 'XA' }
      const { body: order } = await callers.customer.ask('POST /v1/orders', { body: unusual })
      held.push(order.id as string)
    }
    for (let orders = 0; orders < 4; orders++) {
      const { body: order } = await callers.customer.ask('POST /v1/orders', { body })
      await payFor(callers.customer, order.id as string)
      shippable.push(order.id as string)
    }
    for (const order of shippable.splice(0, 2)) {
      const shipment = { carrier: mark, tracking_code: `${mark}-1` }
      const path = `/v1/orders/${order}/shipments`
      const made = await callers.merchant.ask<{ id: string }>(`POST ${path}`, { body: shipment })
      const move = { body: { status: 'handed_over' } }
      const moved = await callers.merchant.ask(`POST /v1/shipments/${made.body.id}/moves`, move)
      assert.equal(moved.status, 200)
    }
    for (const orders of [paid, paid, unpaid]) {
      const { body: order } = await callers.customer.ask('POST /v1/orders', { body })
      orders.push(order.id as string)
    }
    for (const order of paid) await payFor(callers.customer, order)
    const [, second] = paid
    assert.equal((await callers.customer.ask(`POST /v1/orders/${second}/cancel`)).status, 200)
    // Last: what takes the first order that it sees takes one of these.
    for (let orders = 0; orders < 3; orders++) {
      await done(callers.customer.ask('POST /v1/orders', { body }))
    }
    const report = `/v1/reports/daily-sales/${REPORTED_DAY}`
    assert.equal((await callers.merchant.ask(`POST ${report}`, { body: {} })).status, 202)
    const stream = { type: 'text/csv', body: streamOf(mark) }
    const sent = await callers.merchant.ask<{ id: string }>('POST /v1/products/import', { stream })
    await until('the import is done', async () => {
      const path = `/v1/product-imports/${sent.body.id}`
      const found = await callers.merchant.ask<{ status: string }>(`GET ${path}`)
      return found.body.status === 'done'
    })
  }

  /** What waits for its time has it now: a look at what became of a payment comes half a minute later. */
  async #hurry(): Promise<void> {
    for (const { tenant } of [this.own, this.foreign]) {
      const now = 'UPDATE holdfast.jobs SET run_at = clock_timestamp()'
      await this.shop.rows(tenant, now, [], 'holdfast_loops')
    }
    this.shop.running.loops.wake({ events: true, jobs: true })
    await until('every job is done', async () => {
      const [row] = await this.admin<{ n: number }>('SELECT count(*)::int AS n FROM holdfast.jobs')
      return row?.n === 0
    })
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
    const special = SPECIAL[operation.name]?.(side) ?? {}
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
    const streamed = operation.kind === 'command' ? operation.contract.streamed : undefined
    const rest = Object.entries(input).filter(
      ([name]) => !params.includes(name) && name !== streamed?.field,
    )
    const [type = ''] = streamed?.contentTypes ?? []
    const options = {
      headers: { 'if-match': '*', ...headers },
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      ...(streamed && { stream: { type, body: streamOf(caller.principal) } }),
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

/** A good row and a bad one, for everybody another. */
function streamOf(mark: string): string {
  const sku = mark
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, '-')
    .slice(0, 60)
  return `sku,name,price_minor,currency\n${sku},A ${mark},100,EUR\n${sku}-X,,x,EUR\n`
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

async function sideOf(shop: TestShop, tenant: Tenant): Promise<Side> {
  const callers = {
    customer: await shop.caller(tenant, 'customer'),
    merchant: await shop.caller(tenant, 'merchant'),
    support: await shop.caller(tenant, 'support'),
  }
  return { tenant, callers, seen: new Harvest(), held: [], paid: [], unpaid: [], shippable: [] }
}

async function done(answer: Promise<Answer>): Promise<void> {
  const { status, body } = await answer
  assert.equal(status, 201, JSON.stringify(body))
}
