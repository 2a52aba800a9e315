/** Ours: the same three statements, awaited or deferred, with every guarantee on. */
import { z } from 'zod'
import { startApp } from '../../src/app/start-app.ts'
import { sql } from '../../src/database/sql.ts'
import { holdfast } from '../../src/operation/builder.ts'
import { defineCommand, defineEvent, defineJob, defineQuery } from '../../src/operation/contract.ts'
import { conflict } from '../../src/operation/problem.ts'
import { may } from '../../src/operation/rule.ts'
import { loadConfig } from '../../src/runtime/config.ts'
import { answerReports, ready } from './fixture.ts'

const app = holdfast<{ db: object }>()

const Order = z.object({
  id: z.string(),
  customer_id: z.string(),
  total_minor: z.int(),
  line: z.object({ sku: z.string(), quantity: z.int(), price_minor: z.int() }),
})
const input = z.object({ sku: z.string().max(40), quantity: z.int().min(1).max(100) })
const problems = { insufficientStock: conflict('Insufficient stock') }
const OrderPlaced = defineEvent({
  name: 'bench.order-placed',
  payload: z.object({ order_id: z.string() }),
  key: (order) => order.order_id,
})
const SendConfirmation = defineJob({
  name: 'bench.send-confirmation',
  payload: z.object({ order_id: z.string() }),
})

const command = (name: string, path: string) =>
  defineCommand({
    name: `bench.${name}`,
    http: `POST ${path}` as 'POST /x',
    status: 201,
    input,
    output: Order,
    problems,
  })

const PlaceAwaited = command('place-awaited', '/v1/orders')
const PlaceDeferred = command('place-deferred', '/v1/orders-deferred')

const reserve = (sku: string, quantity: number) => sql<{ price_minor: number }>`
  UPDATE bench_products SET stock = stock - ${quantity}
  WHERE sku = ${sku} AND stock >= ${quantity} RETURNING price_minor`
const insertOrder = (id: string, customer: string, total: number) => sql`
  INSERT INTO bench_orders (id, customer_id, total_minor) VALUES (${id}, ${customer}, ${total})`
const insertLine = (id: string, sku: string, quantity: number, price: number) => sql`
  INSERT INTO bench_order_lines (order_id, line_no, sku, quantity, price_minor)
  VALUES (${id}, 1, ${sku}, ${quantity}, ${price})`

export const placeAwaited = app.handle(PlaceAwaited, {
  allow: may('orders:write'),
  async run({ input: { sku, quantity }, tx, scope, fail }) {
    const [reserved] = await tx.query(reserve(sku, quantity))
    if (reserved === undefined) throw fail.insufficientStock()
    const price = reserved.price_minor
    const id = tx.id()
    const customer = scope.principal.id
    await tx.query(insertOrder(id, customer, price * quantity))
    await tx.query(insertLine(id, sku, quantity, price))
    tx.emit(OrderPlaced, { order_id: id })
    tx.enqueue(SendConfirmation, { order_id: id })
    const line = { sku, quantity, price_minor: price }
    return { id, customer_id: customer, total_minor: price * quantity, line }
  },
})

export const placeDeferred = app.handle(PlaceDeferred, {
  allow: may('orders:write'),
  async run({ input: { sku, quantity }, tx, scope, fail }) {
    const [reserved] = await tx.query(reserve(sku, quantity))
    if (reserved === undefined) throw fail.insufficientStock()
    const price = reserved.price_minor
    const id = tx.id()
    const customer = scope.principal.id
    tx.defer(insertOrder(id, customer, price * quantity))
    tx.defer(insertLine(id, sku, quantity, price))
    tx.emit(OrderPlaced, { order_id: id })
    tx.enqueue(SendConfirmation, { order_id: id })
    const line = { sku, quantity, price_minor: price }
    return { id, customer_id: customer, total_minor: price * quantity, line }
  },
})

const ListOrders = defineQuery({
  name: 'bench.list-orders',
  http: 'GET /v1/orders',
  input: z.object({
    limit: z.int().min(1).max(100).default(20),
    before_at: z.string().optional(),
    before_id: z.string().optional(),
  }),
  output: z.object({
    data: z.array(
      z.object({
        id: z.string(),
        customer_id: z.string(),
        total_minor: z.int(),
        placed_at: z.string(),
      }),
    ),
    next: z.object({ at: z.string(), id: z.string() }).optional(),
  }),
})

interface OrderRow {
  id: string
  customer_id: string
  total_minor: number
  placed_at: string
}

export const listOrders = app.handle(ListOrders, {
  allow: may('orders:read'),
  async run({ input: { limit, before_at: at, before_id: id }, tx }) {
    const data = await tx.query<OrderRow>(
      at !== undefined && id !== undefined
        ? sql<OrderRow>`SELECT id, customer_id, total_minor, placed_at FROM bench_orders
            WHERE (placed_at, id) < (${at}, ${id})
            ORDER BY placed_at DESC, id DESC LIMIT ${limit}`
        : sql<OrderRow>`SELECT id, customer_id, total_minor, placed_at FROM bench_orders
            ORDER BY placed_at DESC, id DESC LIMIT ${limit}`,
    )
    const last = data.at(-1)
    return { data, ...(last && { next: { at: last.placed_at, id: last.id } }) }
  },
})

/** Kept in the table: the loops do not run here, as the peers' outbox and jobs are not read either. */
export const sendConfirmation = app.handle(SendConfirmation, { run: async () => {} })

export const module = app.defineModule({
  name: 'bench',
  migrations: new URL('../migrations/', import.meta.url),
})

export const bench = app.defineApp({
  modules: [
    {
      module,
      placeAwaited,
      placeDeferred,
      listOrders,
      sendConfirmation,
      OrderPlaced,
      PlaceAwaited,
      PlaceDeferred,
      ListOrders,
      SendConfirmation,
    },
  ],
})

if (import.meta.main) {
  const config = loadConfig({
    HOLDFAST_ENV: 'production',
    DATABASE_URL: process.env.BENCH_URL,
    SIGNING_SECRET: 'bench-only-bench-only-bench-only-bench-only',
    PORT: '0',
    ADMIN_PORT: '0',
    DATABASE_CONNECTIONS_MAX: process.env.BENCH_CONNECTIONS ?? '16',
    LOG_LEVEL: process.env.BENCH_LOG ?? 'warn',
    OTEL_EXPORTER_OTLP_ENDPOINT: process.env.OTEL_EXPORTER_OTLP_ENDPOINT,
  })
  const running = await startApp(bench, { config, does: ['api'] })
  answerReports()
  ready(running.apiUrl as string)
}
