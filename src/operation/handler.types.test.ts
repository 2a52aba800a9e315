/** What inference gives at the user's side. The compiler checks it; running it shows that it loads. */

import { test } from 'node:test'
import type { Generated } from 'kysely'
import { z } from 'zod'
import { sql } from '../database/sql.ts'
import { holdfast } from './builder.ts'
import { defineAction, defineCommand, defineEvent, defineJob, defineQuery } from './contract.ts'
import { conflict, notFound, type ProblemError } from './problem.ts'
import { may } from './rule.ts'

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Fails to compile unless `T` is true. */
function expect<T extends true>(_why: string, _proof?: T): void {}

interface Database {
  orders: { id: Generated<string>; sku: string; quantity: number; placed_at: string }
}
interface Mailer {
  send(to: string): Promise<void>
}

const app = holdfast<{ db: Database; services: { mail: Mailer } }>()
const bare = holdfast<{ db: Database }>()
const allow = may('orders:write')

const Order = z.object({
  id: z.string(),
  status: z.enum(['placed', 'cancelled']),
  quantity: z.int(),
  note: z.string().default(''),
})

const PlaceOrder = defineCommand({
  name: 'ordering.place-order',
  http: 'POST /v1/orders',
  input: z.object({ sku: z.string(), quantity: z.int().default(1) }),
  output: Order,
  problems: {
    insufficientStock: conflict('Insufficient stock', z.object({ sku: z.string() })),
    closed: conflict('The shop is closed'),
  },
  etag: (order) => order.quantity,
})

const CancelOrder = defineCommand({
  name: 'ordering.cancel-order',
  http: 'POST /v1/orders/{id}/cancel',
  input: z.object({ id: z.string() }),
  output: Order,
  problems: { notFound: notFound('No such order') },
  ifMatch: 'optional',
})

const GetOrder = defineQuery({
  name: 'ordering.get-order',
  http: 'GET /v1/orders/{id}',
  input: z.object({ id: z.string() }),
  output: Order,
})

const PayOrder = defineAction({
  name: 'ordering.pay-order',
  http: 'POST /v1/orders/{id}/pay',
  input: z.object({ id: z.string() }),
  output: z.object({ paid: z.boolean() }),
})

const OrderPlaced = defineEvent({
  name: 'ordering.order-placed',
  payload: z.object({ orderId: z.string(), at: z.iso.datetime().default('2026-01-01T00:00:00Z') }),
  key: (payload) => payload.orderId,
})

const Remind = defineJob({
  name: 'ordering.remind',
  payload: z.object({ orderId: z.string(), count: z.int().default(0) }),
  key: ({ orderId }) => orderId,
})

const order = { id: '1', status: 'placed', quantity: 1 } as const

export const placeOrder = app.handle(PlaceOrder, {
  allow,
  limit: { rate: '60/min', per: 'principal' },
  isolation: 'read committed',
  async run({ input, tx, scope, fail, services }) {
    expect<Equal<typeof input, { sku: string; quantity: number }>>('input is the schema output')
    expect<Equal<typeof scope.tenant, string>>('the scope is typed')
    expect<Equal<typeof services, { mail: Mailer }>>('services are the app’s')
    const rows = await tx.db.selectFrom('orders').select(['id', 'quantity']).limit(1).execute()
    expect<Equal<typeof rows, { id: string; quantity: number }[]>>('Kysely knows the tables')
    // @ts-expect-error no such table
    tx.db.selectFrom('order')
    const own = await tx.query(sql<{ n: number }>`SELECT 1 AS n`)
    expect<Equal<typeof own, { n: number }[]>>('the sql tag types its rows')
    const one = await tx.maybeOne(sql<{ n: number }>`SELECT 1 AS n`)
    expect<Equal<typeof one, { n: number } | undefined>>('maybeOne')

    const refused = fail.insufficientStock({ sku: input.sku })
    expect<Equal<typeof refused, ProblemError>>('a declared problem is an error to throw')
    expect<Equal<Parameters<typeof fail.closed>, [detail?: string | undefined]>>(
      'no members, no argument',
    )
    // @ts-expect-error members are required
    fail.insufficientStock()
    // @ts-expect-error members are typed
    fail.insufficientStock({ sku: 1 })
    // @ts-expect-error not declared
    fail.outOfStock

    const cancelled = await tx.call(CancelOrder, { id: '1' })
    expect<Equal<typeof cancelled.status, 'placed' | 'cancelled'>>('call gives the output')
    expect<Equal<typeof cancelled.note, string>>('after defaults')
    // @ts-expect-error the input of the called command is typed
    await tx.call(CancelOrder, { orderId: '1' })
    // @ts-expect-error a query is no command
    await tx.call(GetOrder, { id: '1' })

    tx.emit(OrderPlaced, { orderId: '1' })
    // @ts-expect-error the payload is typed
    tx.emit(OrderPlaced, { order: '1' })
    // @ts-expect-error a job is no event
    tx.emit(Remind, { orderId: '1' })
    const job = tx.enqueue(Remind, { orderId: '1' }, { runAt: '2026-01-01T00:00:00Z', priority: 0 })
    expect<Equal<typeof job, string>>('enqueue gives the id')
    // @ts-expect-error the payload is typed
    tx.enqueue(Remind, { orderId: 1 })
    tx.defer(tx.db.insertInto('orders').values({ sku: 'a', quantity: 1, placed_at: '' }))
    tx.defer(sql`DELETE FROM orders WHERE id = ${'1'}`, { rows: 1, otherwise: fail.closed() })
    return { ...order, quantity: input.quantity }
  },
})

export const cancelOrder = app.handle(CancelOrder, {
  allow,
  async run({ input, tx, fail }) {
    // Two commands that call each other: contract and handler are apart, so inference ends.
    const placed = await tx.call(PlaceOrder, { sku: input.id })
    expect<Equal<typeof placed.id, string>>('mutual calls are typed')
    if (placed.status === 'cancelled') throw fail.notFound()
    return placed
  },
})

export const getOrder = app.handle(GetOrder, {
  allow,
  run({ input, tx }) {
    // @ts-expect-error a query cannot state events
    tx.emit
    expect<Equal<typeof input.id, string>>('query input')
    return { id: input.id, status: 'placed', quantity: 1 }
  },
})

export const payOrder = app.handle(PayOrder, {
  allow,
  async act({ input, call, signal, services }) {
    expect<Equal<typeof signal, AbortSignal>>('a signal for calls outside')
    await services.mail.send(input.id)
    const found = await call(GetOrder, { id: input.id })
    const placed = await call(PlaceOrder, { sku: 'a' }, { key: 'again' })
    expect<Equal<typeof placed.quantity, number>>('call gives the output')
    return { paid: found.quantity > 0 }
  },
})

export const remind = app.handle(Remind, {
  run({ payload, tx, job }) {
    expect<Equal<typeof payload, { orderId: string; count: number }>>('payload after defaults')
    expect<Equal<typeof job.attempt, number>>('job facts')
    tx.enqueue(Remind, { orderId: payload.orderId, count: payload.count + 1 })
  },
})

export const remindOutside = bare.handle(Remind, {
  async act({ payload, call, signal }) {
    signal.throwIfAborted()
    await call(CancelOrder, { id: payload.orderId })
  },
})

export const onPlaced = app.subscribe(OrderPlaced, {
  name: 'ordering.remind-of-order',
  run({ event, tx, services }) {
    expect<Equal<typeof event.payload, { orderId: string; at: string }>>('event payload')
    expect<Equal<typeof services.mail, Mailer>>('services')
    tx.enqueue(Remind, { orderId: event.payload.orderId })
  },
})

export function refusedByTheCompiler(): void {
  // @ts-expect-error an operation needs a rule
  app.handle(GetOrder, { run: () => order })
  app.handle(GetOrder, {
    allow,
    // @ts-expect-error the return value must fit the output schema
    run: () => ({ id: '1', status: 'lost', quantity: 1 }),
  })
  app.handle(CancelOrder, {
    allow,
    // @ts-expect-error a field is missing
    run: async () => ({ id: '1' }),
  })
  // @ts-expect-error an action has no transaction
  app.handle(PayOrder, { allow, run: async () => ({ paid: true }) })
  app.handle(PayOrder, {
    allow,
    // @ts-expect-error an action has no tx
    act: async ({ tx }) => ({ paid: tx === undefined }),
  })
  app.handle(GetOrder, {
    allow,
    // @ts-expect-error a query has no isolation level of its own
    isolation: 'serializable',
    run: () => order,
  })
  // @ts-expect-error a rate needs a unit that is known
  app.handle(GetOrder, { allow, limit: { rate: '1/fortnight', per: 'tenant' }, run: () => order })
  // @ts-expect-error queries are bound to GET
  defineQuery({ name: 'a.b', http: 'POST /v1/x', input: z.object({}), output: Order })
  // @ts-expect-error commands are not bound to GET
  defineCommand({ name: 'a.b', http: 'GET /v1/x', input: z.object({}), output: Order })
  bare.handle(GetOrder, {
    allow,
    run({ services }) {
      // @ts-expect-error no services were named
      services.mail
      return order
    },
  })
}

test('the definitions of the type tests load', () => {})
