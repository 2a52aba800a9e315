import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { isFault } from '../base/fault.ts'
import { jsonSchemaOf, parseWith } from '../base/schema.ts'
import { sql } from '../database/sql.ts'
import { holdfast } from './builder.ts'
import { compileAssemble } from './input.ts'
import { defineList, equals, oneOf, prefix, range } from './list-contract.ts'
import { requiredIndexes } from './list-indexes.ts'
import { buildRegistry } from './registry.ts'
import { may } from './rule.ts'
import { compileStrict } from './strict.ts'

const Item = z.object({ id: z.string(), placed_at: z.iso.datetime(), total: z.int() })
const parts = { name: 'a.list', item: Item } as const

const List = defineList({
  ...parts,
  http: 'GET /v1/items',
  filter: {
    status: oneOf('placed', 'cancelled'),
    placed_at: range(z.iso.datetime()),
    customer: equals(z.string().max(3)),
    sku: prefix(z.string()),
    total: equals(z.int()),
  },
  sort: ['placed_at desc', 'total asc'],
  search: { lengthMin: 2 },
  page: { max: 50 },
})

/** As it would come in over HTTP: coerced, held against unknown names, parsed. */
async function asked(query: string): Promise<unknown> {
  const schema = jsonSchemaOf(List.input, 'input') ?? {}
  assert.ok(List.http)
  const read = compileAssemble(List.http, schema)({ path: {}, query: new URLSearchParams(query) })
  assert.ok(read.ok)
  const unknown = compileStrict(schema)(read.value)
  if (unknown.length > 0) return unknown
  const parsed = await parseWith(List.input, read.value)
  return parsed.ok ? parsed.value : parsed.violations
}

test('a query is read by what the list declares', async () => {
  assert.deepEqual(await asked(''), { limit: 20, sort: '-placed_at' })
  const query = 'status=placed&customer=c1&total=7&limit=50&sort=total&q=ab&sku=A%25'
  assert.deepEqual(await asked(query), {
    status: 'placed',
    customer: 'c1',
    total: 7,
    limit: 50,
    sort: 'total',
    q: 'ab',
    sku: 'A%',
  })
  assert.deepEqual(
    await asked('status=placed&status=cancelled&placed_at.gte=2026-01-01T00:00:00Z'),
    {
      limit: 20,
      sort: '-placed_at',
      status: ['placed', 'cancelled'],
      'placed_at.gte': '2026-01-01T00:00:00Z',
    },
  )
})

test('everything else is refused, with a hint', async () => {
  const refused = async (query: string) => (await asked(query)) as { message: string }[]
  assert.deepEqual(await refused('statsu=placed'), [
    { pointer: '/statsu', message: 'unknown field; did you mean "status"?' },
  ])
  assert.deepEqual(await refused('status=placd'), [
    {
      pointer: '/status',
      message: 'must be one of "placed", "cancelled"; did you mean "placed"?',
    },
  ])
  for (const query of ['limit=0', 'limit=51', 'limit=x', 'limit=1.5', 'limit=1&limit=2']) {
    assert.deepEqual(await refused(query), [{ pointer: '/limit', message: 'must be 1 to 50' }])
  }
  assert.match(
    String((await refused('sort=placed_at'))[0]?.message),
    /one of "-placed_at", "total"/,
  )
  assert.match(String((await refused('q=a'))[0]?.message), /2 to 100/)
  assert.match(String((await refused(`cursor=${'a'.repeat(3000)}`))[0]?.message), /next_cursor/)
  assert.equal((await refused('customer=c1234&placed_at.lt=yesterday')).length, 2)
  assert.match(String((await refused('placed_at=2026-01-01T00:00:00Z'))[0]?.message), /unknown/)
  assert.match(String((await refused('status=placed&status=lost'))[0]?.message), /must be one of/)
  assert.match(String((await refused('q=a%00b'))[0]?.message), /NUL/)
})

test('a page is described and cut like any other output', async () => {
  const schema = jsonSchemaOf(List.output, 'output') as { properties: { data: object } }
  assert.deepEqual(schema.properties.data, {
    type: 'array',
    items: {
      type: 'object',
      properties: {
        id: { type: 'string' },
        placed_at: { type: 'string', ...dateTime() },
        total: { type: 'integer', ...safeIntegers },
      },
      required: ['id', 'placed_at', 'total'],
      additionalProperties: false,
    },
  })
  const row = { id: '1', placed_at: '2026-01-01T00:00:00Z', total: 1, secret: 'x' }
  const page = await parseWith(List.output, { data: [row], next_cursor: null })
  const { secret: _, ...shown } = row
  assert.deepEqual(page, { ok: true, value: { data: [shown], next_cursor: null } })
  const broken = await parseWith(List.output, { data: [row, { id: 1 }] })
  assert.ok(!broken.ok && broken.violations[0]?.pointer === '/data/1/id')
})

const safeIntegers = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }

function dateTime(): object {
  const { type: _, $schema: __, ...rest } = z.toJSONSchema(z.iso.datetime())
  return rest
}

test('definitions of shared schemas move to the root', () => {
  const Money = z.object({ minor: z.int() }).meta({ id: 'list-test-money' })
  const list = defineList({
    name: 'a.list-money',
    item: z.object({ id: z.string(), total: Money, tax: Money }),
    sort: ['id asc'],
  })
  const schema = jsonSchemaOf(list.output, 'output') as { $defs?: object }
  assert.deepEqual(Object.keys(schema.$defs ?? {}), ['list-test-money'])
})

function refusal(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    if (isFault(error, 'HF_OPTION_INVALID')) return error.message
    throw error
  }
  return assert.fail('was accepted')
}

test('a list that cannot be paged is refused when it is declared', () => {
  const sort = ['placed_at desc'] as const
  assert.match(
    refusal(() => defineList({ ...parts, sort: ['placed_at desc, total asc'] })),
    /mixes asc and desc; a keyset compares whole rows/,
  )
  assert.match(
    refusal(() => defineList({ ...parts, sort: ['placed_at dsc' as never] })),
    /like/,
  )
  assert.match(
    refusal(() => defineList({ ...parts, sort, page: { default: 30, max: 20 } })),
    /page.default is 30 and must be a whole number from 1 to 20/,
  )
  assert.match(
    refusal(() => defineList({ ...parts, sort, page: { max: 5000 } })),
    /1 to 1000/,
  )
  const filter = { limit: equals(z.int()) }
  assert.match(
    refusal(() => defineList({ ...parts, sort, filter })),
    /"limit" is reserved/,
  )
  const odd = { 'a.b': equals(z.int()) }
  assert.match(
    refusal(() => defineList({ ...parts, sort, filter: odd })),
    /is no field name/,
  )
  assert.equal(
    defineList({ ...parts, sort: ['placed_at desc, total asc'], small: { rowsMax: 10 } }).list
      .sorts[0]?.token,
    '-placed_at,total',
  )
})

test('the handler of a list is held against its declaration', () => {
  const app = holdfast<{ db: { items: { id: string; total: number } } }>()
  const bad = defineList({ ...parts, sort: ['placed asc' as 'placed_at asc'] })
  const badHandler = app.list(bad, {
    allow: may('items:read'),
    from: 'items',
    columns: { placed_at: sql`now()`, totl: 'total' } as never,
  })
  const module = app.defineModule({ name: 'a' })
  assert.throws(
    () => buildRegistry(app.defineApp({ modules: [{ module, badHandler }] })),
    (error) => {
      assert.ok(isFault(error, 'HF_APP_INVALID'))
      assert.deepEqual(error.facts.findings, [
        'list "a.list": the sort field "placed" is no field of its item',
        'list "a.list": columns names "totl", which is no field or filter; did you mean "total"?',
      ])
      return true
    },
  )
  const search = { allow: may('x:y'), from: 'items', search: { column: 'id' } } as never
  const plain = defineList({ ...parts, sort: ['total asc'] })
  assert.match(
    refusal(() => app.list(plain, search)),
    /in the contract and in the handler/,
  )
})

test('a list is registered as a query with its plan', () => {
  const app = holdfast<{ db: { items: { id: string; status: string; sku: string } } }>()
  const handler = app.list(List, {
    allow: may('items:read'),
    limit: { rate: '60/min', per: 'tenant' },
    from: 'items',
    columns: { placed_at: sql`at`, total: sql`1`, customer: sql`'c'` },
    search: { column: 'sku' },
  })
  const module = app.defineModule({ name: 'a' })
  const registry = buildRegistry(app.defineApp({ modules: [{ module, List, handler }] }))
  const operation = registry.operations.get('a.list')
  assert.ok(operation?.kind === 'query')
  const plan = operation.list
  assert.ok(plan)
  assert.deepEqual([...plan.sorts.keys()], ['-placed_at', 'total'])
  assert.equal(
    plan.sorts.get('-placed_at')?.page({ conditions: [], rows: 21 }).text,
    'SELECT "id" AS "id", at AS "placed_at", 1 AS "total", (at)::text AS "~key0", ' +
      '("id")::text AS "~key1" FROM "items" ORDER BY at DESC, "id" DESC LIMIT $1',
  )
  assert.deepEqual(requiredIndexes(plan), [])
})
