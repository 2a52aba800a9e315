/** What inference gives for lists. The compiler checks it; running it shows that it loads. */
import { test } from 'node:test'
import type { Generated } from 'kysely'
import { z } from 'zod'
import type { InputOf, OutputOf } from '../base/schema.ts'
import { sql } from '../database/sql.ts'
import { holdfast } from './builder.ts'
import { defineList, equals, oneOf, prefix, range } from './list-contract.ts'
import { anyone } from './rule.ts'

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Fails to compile unless `T` is true. */
function expect<T extends true>(_why: string, _proof?: T): void {}

interface Database {
  orders: {
    id: Generated<string>
    status: string
    placed_at: Generated<string>
    total_minor: number
    customer: string
  }
  products: { id: string; name_folded: string }
}

const app = holdfast<{ db: Database }>()

const Order = z.object({
  id: z.string(),
  status: z.enum(['placed', 'cancelled']),
  placed_at: z.iso.datetime(),
  total_minor: z.int(),
})

const ListOrders = defineList({
  name: 'ordering.list-orders',
  http: 'GET /v1/orders',
  item: Order,
  filter: {
    status: oneOf('placed', 'cancelled'),
    placed_at: range(z.iso.datetime()),
    customer: equals(z.string().transform(Number).pipe(z.number())),
    id: prefix(z.string()),
  },
  sort: ['placed_at desc', 'total_minor asc', 'total_minor desc, placed_at desc'],
})

type Sent = InputOf<typeof ListOrders.input>
type Got = OutputOf<typeof ListOrders.input>
type Sorts = '-placed_at' | 'total_minor' | '-total_minor,-placed_at'
type Statuses = 'placed' | 'cancelled'

expect<Equal<Sent['sort'], Sorts | undefined>>('sorts as they stand in a query')
expect<Equal<Sent['status'], Statuses | readonly Statuses[] | undefined>>('one or several')
expect<Equal<Sent['placed_at.gte'], string | undefined>>('a range has four bounds')
expect<Equal<Sent['customer'], string | undefined>>('a filter as it is sent')
expect<Equal<Got['customer'], number | undefined>>('a filter after its schema')
expect<Equal<Got['limit'], number>>('the limit has a default')
expect<Equal<OutputOf<typeof ListOrders.output>['data'][number]['status'], Statuses>>('the item')
expect<Equal<OutputOf<typeof ListOrders.output>['next_cursor'], string | null>>('the cursor')

export const listOrders = app.list(ListOrders, {
  allow: anyone,
  limit: { rate: '60/min', per: 'principal' },
  from: 'orders',
  where: ({ input, scope }) => {
    expect<Equal<typeof input.limit, number>>('input is typed')
    return input.status === undefined ? undefined : sql`customer = ${scope.principal.id}`
  },
})

const ListNames = defineList({
  name: 'catalog.list-names',
  item: z.object({ id: z.string(), label: z.string() }),
  sort: ['label asc'],
  search: { lengthMin: 2 },
})

export const listNames = app.list(ListNames, {
  allow: anyone,
  from: 'products',
  columns: { label: 'name_folded' },
  search: { column: 'name_folded', fold: 'lower' },
})

export function refusedByTheCompiler(): void {
  // @ts-expect-error no such table
  app.list(ListOrders, { allow: anyone, from: 'order' })
  // @ts-expect-error no such column
  app.list(ListOrders, { allow: anyone, from: 'orders', columns: { id: 'uuid' } })
  // @ts-expect-error `label` is no column, so it needs a source
  app.list(ListNames, { allow: anyone, from: 'products' })
  app.list(ListNames, {
    allow: anyone,
    from: 'products',
    columns: { label: sql`upper(name_folded)` },
    search: { column: 'name_folded' },
  })
  // @ts-expect-error a list needs a rule
  app.list(ListOrders, { from: 'orders' })
  // @ts-expect-error a sort names a field of the item
  defineList({ name: 'a.b', item: Order, sort: ['placed desc'] })
  // @ts-expect-error a sort names its direction
  defineList({ name: 'a.b', item: Order, sort: ['placed_at'] })
}

test('the definitions of the type tests load', () => {})
