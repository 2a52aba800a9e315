/** Lists against an in-memory model and a real server: every row once, in order, whatever happens. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { isFault } from '../base/fault.ts'
import { uuidv7 } from '../base/id.ts'
import { systemPrincipal } from '../base/principal.ts'
import { parseWith } from '../base/schema.ts'
import { migrate } from '../database/migrate/migrate.ts'
import { databaseSource } from '../database/migrate/source.ts'
import { CursorSeal } from '../database/page.ts'
import { Pool } from '../database/pool.ts'
import { type Sql, sql } from '../database/sql.ts'
import type { Row, Statement } from '../database/statement.ts'
import { appTransaction } from '../testing/state-database.ts'
import { type TestDatabase, testDatabase } from '../testing/test-database.ts'
import { defineList, equals, type ListContract, oneOf, prefix, range } from './list-contract.ts'
import { type AnyListHandler, type ListRun, listPlan, runList } from './list-handler.ts'
import { ProblemError } from './problem.ts'
import { anyone } from './rule.ts'

const Item = z.object({
  id: z.string(),
  at: z.string(),
  total: z.int(),
  state: z.enum(['open', 'done']),
  name: z.string(),
})
type Item = z.infer<typeof Item>

const ListItems = defineList({
  name: 'test.list-items',
  item: Item,
  filter: {
    state: oneOf('open', 'done'),
    at: range(z.string()),
    total: equals(z.int()),
    name: prefix(z.string()),
  },
  sort: ['at desc', 'at asc', 'total asc', 'total desc, at desc', 'id asc'],
  search: {},
  page: { default: 3, max: 7 },
})
const handler: AnyListHandler = {
  allow: anyone,
  from: 'public.items',
  columns: { total: 'total_minor' },
  search: { column: sql`lower(name)`, fold: 'lower' },
}
const seal = new CursorSeal(['key'])

let database: TestDatabase
let pool: Pool

before(async () => {
  database = await testDatabase()
  await migrate({ url: database.url, sources: [databaseSource] })
  pool = new Pool({ url: database.url })
  await pool.run([
    sql`CREATE TABLE items (
      tenant_id text NOT NULL DEFAULT holdfast.tenant(), id uuid NOT NULL, at timestamptz NOT NULL,
      total_minor bigint NOT NULL, state text NOT NULL, name text COLLATE "C" NOT NULL,
      note text, PRIMARY KEY (tenant_id, id))`,
    sql`CREATE INDEX items_at ON items (tenant_id, at, id)`,
    sql`CREATE INDEX items_name ON items (tenant_id, name, id)`,
    sql`ALTER TABLE items ENABLE ROW LEVEL SECURITY`,
    sql`ALTER TABLE items FORCE ROW LEVEL SECURITY`,
    sql`CREATE POLICY items_tenant ON items USING (tenant_id = holdfast.tenant())`,
    sql`GRANT ALL ON items TO holdfast_app`,
  ])
})

after(async () => {
  await pool.close()
  await database.drop()
})

/** A tenant of its own for each case: nothing to clean up. */
function newTenant(): string {
  return `t-${uuidv7()}`
}

async function send(tenant: string, statement: Statement): Promise<Row[]> {
  return appTransaction(pool, tenant, async (tx) => (await tx.query(statement)).rows)
}

async function insert(tenant: string, items: readonly Item[]): Promise<void> {
  if (items.length === 0) return
  const rows = items.map(
    ({ id, at, total, state, name }) =>
      sql`(${id}::uuid, ${at}::timestamptz, ${total}::bigint, ${state}, ${name})`,
  )
  await send(
    tenant,
    sql`INSERT INTO items (id, at, total_minor, state, name) VALUES ${sql.join(rows)}`,
  )
}

interface Asked {
  readonly contract?: ListContract
  readonly declared?: AnyListHandler
  readonly sealedBy?: CursorSeal
}

async function page(tenant: string, input: object, asked: Asked = {}) {
  const { contract = ListItems as unknown as ListContract, declared = handler } = asked
  const parsed = await parseWith(contract.input, input)
  assert.ok(parsed.ok, JSON.stringify(parsed))
  const scope = { tenant, principal: systemPrincipal(tenant) }
  const tx = { query: (statement: Statement) => send(tenant, statement) }
  const run = { input: parsed.value, tx, scope, services: {} } as unknown as ListRun
  return runList(listPlan(contract, declared), asked.sealedBy ?? seal, run)
}

/** All pages, one after another; `meanwhile` happens between them. */
async function allPages(
  tenant: string,
  input: object,
  meanwhile?: (turn: number) => Promise<void>,
) {
  const data: Item[] = []
  let cursor: string | undefined
  for (let turn = 0; ; turn++) {
    const { data: rows, next_cursor } = await page(tenant, { ...input, cursor })
    data.push(...JSON.parse(JSON.stringify(rows)))
    assert.ok(turn < 60, 'the pages do not end')
    if (next_cursor === null) return data
    cursor = next_cursor
    await meanwhile?.(turn)
  }
}

/** Few values each, and microseconds: many rows tie. */
const arbitraryItem = fc.record(
  {
    id: fc.uuid(),
    at: fc.integer({ min: 1, max: 4 }).map((micros) => `2026-01-01T00:00:00.00000${micros}Z`),
    total: fc.constantFrom(0, 1, 9_007_199_254_740_991),
    state: fc.constantFrom('open', 'done'),
    name: fc.constantFrom('', 'ab', 'abc', 'b', 'a%_\\', 'é', '\u{1f600}'),
  },
  { noNullPrototype: true },
) as fc.Arbitrary<Item>

const arbitraryItems = (minLength: number) =>
  fc.uniqueArray(arbitraryItem, { minLength, maxLength: 25, selector: ({ id }) => id })

const arbitraryQuery = fc.record(
  {
    sort: fc.constantFrom('-at', 'at', 'total', '-total,-at', 'id'),
    limit: fc.integer({ min: 1, max: 7 }),
    state: fc.constantFrom<unknown>('open', ['open'], ['open', 'done']),
    'at.gte': fc.constant('2026-01-01T00:00:00.000001Z'),
    'at.lt': fc.constant('2026-01-01T00:00:00.000004Z'),
    total: fc.constantFrom(0, 1),
    name: fc.constantFrom('a', 'ab', 'é', '%', '\u{1f600}', 'a%'),
  },
  { requiredKeys: ['sort', 'limit'], noNullPrototype: true },
) as fc.Arbitrary<Record<string, unknown> & { sort: string }>

function model(items: readonly Item[], query: Record<string, unknown> & { sort: string }): Item[] {
  const states = [query.state ?? ['open', 'done']].flat()
  const kept = items.filter(
    (item) =>
      states.includes(item.state) &&
      item.at >= ((query['at.gte'] as string) ?? '') &&
      item.at < ((query['at.lt'] as string) ?? '~') &&
      (query.total === undefined || item.total === query.total) &&
      item.name.startsWith((query.name as string) ?? ''),
  )
  return kept.sort((left, right) => compare(left, right, query.sort))
}

function compare(left: Item, right: Item, sort: string): number {
  const direction = sort.startsWith('-') ? -1 : 1
  const fields = [...sort.split(',').map((part) => part.replace('-', '')), 'id'] as (keyof Item)[]
  for (const field of fields) {
    if (left[field] !== right[field]) return left[field] < right[field] ? -direction : direction
  }
  return 0
}

test('every row once and in order, over pages of any size, with ties in a microsecond', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(arbitraryItems(10), arbitraryItems(0)),
      arbitraryQuery,
      async (items, query) => {
        const tenant = newTenant()
        await insert(tenant, items)
        assert.deepEqual(await allPages(tenant, query), model(items, query))
      },
    ),
    { numRuns: 60 },
  )
})

test('rows that come in between are not seen twice and hide nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      arbitraryItems(10),
      fc.array(arbitraryItems(1), { minLength: 2, maxLength: 4 }),
      arbitraryQuery.map((query) => ({ ...query, limit: 2 })),
      async (items, waves, query) => {
        const tenant = newTenant()
        await insert(tenant, items)
        const seen = await allPages(tenant, query, async (turn) => {
          const wave = (waves[turn] ?? []).map((item) => ({ ...item, id: uuidv7() }))
          await insert(tenant, wave)
        })
        const ids = seen.map(({ id }) => id)
        assert.equal(new Set(ids).size, ids.length, 'a row was seen twice')
        const old = new Set(items.map(({ id }) => id))
        assert.deepEqual(
          seen.filter(({ id }) => old.has(id)),
          model(items, query),
        )
      },
    ),
    { numRuns: 30 },
  )
})

async function refusedCursor(answer: Promise<unknown>): Promise<void> {
  const error: unknown = await answer.catch((reason) => reason)
  assert.ok(error instanceof ProblemError && error.status === 422, String(error))
  assert.match(JSON.stringify(error.members), /"\/cursor"/)
}

test('a cursor is good for its tenant, list, filters and sort alone', async () => {
  const tenant = newTenant()
  const at = '2026-01-01T00:00:00Z'
  const items = [1, 2, 3].map((total): Item => {
    return { id: uuidv7(), at, total, state: 'open', name: 'a' }
  })
  await insert(tenant, items)
  const input = { limit: 1, state: 'open', q: 'A' }
  const cursor = (await page(tenant, input)).next_cursor as string
  assert.equal((await page(tenant, { ...input, cursor, limit: 7 })).data.length, 2)
  assert.equal((await page(tenant, { q: 'A', state: 'open', cursor })).data.length, 2)
  await refusedCursor(page(newTenant(), { ...input, cursor }))
  await refusedCursor(page(tenant, { ...input, cursor, state: 'done' }))
  await refusedCursor(page(tenant, { limit: 1, cursor }))
  await refusedCursor(page(tenant, { ...input, cursor, sort: 'at' }))
  for (const letter of ['A', 'Q', 'g', 'w', '_'].filter((each) => !cursor.endsWith(each))) {
    await refusedCursor(page(tenant, { ...input, cursor: `${cursor.slice(0, -1)}${letter}` }))
  }
  await refusedCursor(page(tenant, { ...input, cursor: 'WyJhIl0.AAAAAAAAAAAAAAAAAAAAAA' }))
  const sealedBy = new CursorSeal(['new', 'key'])
  assert.equal((await page(tenant, { ...input, cursor }, { sealedBy })).data.length, 1)
  await refusedCursor(page(tenant, { ...input, cursor }, { sealedBy: new CursorSeal(['new']) }))
})

test('a page tells nothing of the keys it was cut by', async () => {
  const tenant = newTenant()
  const at = '2026-01-01T00:00:00.123456Z'
  await insert(tenant, [{ id: uuidv7(), at, total: 1, state: 'open', name: 'n' }])
  const { data, next_cursor } = await page(tenant, {})
  assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(data[0]))), [
    'id',
    'at',
    'total',
    'state',
    'name',
  ])
  assert.equal(data[0]?.at, at)
  assert.equal(next_cursor, null)
})

test('own conditions hold beside the filters', async () => {
  const tenant = newTenant()
  const at = '2026-01-01T00:00:00Z'
  const states = ['open', 'done'] as const
  await insert(
    tenant,
    states.map((state) => ({ id: uuidv7(), at, total: 1, state, name: 'n' })),
  )
  const where = (): Sql => sql`state = ${'open'} OR state = ${'lost'}`
  const asked = { declared: { ...handler, where } }
  assert.equal((await page(tenant, {}, asked)).data.length, 1)
  assert.equal((await page(tenant, { state: 'done' }, asked)).data.length, 0)
})

test('a null in a sort column is an error, not a lost row', async () => {
  const tenant = newTenant()
  const at = '2026-01-01T00:00:00Z'
  await insert(tenant, [{ id: uuidv7(), at, total: 1, state: 'open', name: 'n' }])
  const contract = defineList({
    name: 'test.list-notes',
    item: z.object({ id: z.string(), note: z.string().nullable() }),
    sort: ['note asc'],
  }) as unknown as ListContract
  const declared: AnyListHandler = { allow: anyone, from: 'items' }
  await assert.rejects(page(tenant, {}, { contract, declared }), (error) =>
    isFault(error, 'HF_LIST_KEY_NULL'),
  )
})

test('a small list mixes directions, holds nulls, and ends in an error above its bound', async () => {
  const tenant = newTenant()
  const at = '2026-01-01T00:00:00Z'
  const items = [1, 1, 2, 2, 3].map((total, index): Item => {
    return { id: uuidv7(), at, total, state: 'open', name: `n${index}` }
  })
  await insert(tenant, items)
  const small = (rowsMax: number) =>
    defineList({
      name: 'test.list-small',
      item: Item.extend({ note: z.string().nullable() }),
      sort: ['total desc, name asc'],
      page: { default: 2 },
      small: { rowsMax },
    }) as unknown as ListContract
  const names: unknown[] = []
  const contract = small(5)
  let cursor: string | undefined
  do {
    const next = await page(tenant, { cursor }, { contract })
    names.push(...next.data.map((row) => row.name))
    cursor = next.next_cursor ?? undefined
  } while (cursor !== undefined)
  assert.deepEqual(names, ['n4', 'n2', 'n3', 'n0', 'n1'])

  const tight = { contract: small(4) }
  const first = await page(tenant, {}, tight)
  await assert.rejects(page(tenant, { cursor: first.next_cursor }, tight), (error) =>
    isFault(error, 'HF_ROWS_MAX'),
  )
})

test('page and prefix are ranges of an index, below row level security', async () => {
  const tenant = newTenant()
  const rows = sql`SELECT gen_random_uuid(), now() + n * interval '1 ms', n, 'open', 'name' || n
    FROM generate_series(1, 5000) AS n`
  await send(tenant, sql`INSERT INTO items (id, at, total_minor, state, name) ${rows}`)
  await pool.run([sql`ANALYZE items`])
  const asked: Statement[] = []
  const input = { limit: 2, sort: '-at' }
  const { next_cursor: cursor } = await page(tenant, input)
  for (const query of [
    { ...input, cursor },
    { name: 'name499', sort: 'id', limit: 2 },
  ]) {
    const parsed = await parseWith(ListItems.input, query)
    assert.ok(parsed.ok)
    const tx = {
      query: async (statement: Statement) => {
        asked.push(statement)
        return []
      },
    }
    const scope = { tenant, principal: systemPrincipal(tenant) }
    const run = { input: parsed.value, tx, scope, services: {} } as unknown as ListRun
    await runList(listPlan(ListItems as unknown as ListContract, handler), seal, run)
  }
  const plans = await Promise.all(
    asked.map(async ({ text, values }) => {
      const plan = await send(tenant, { text: `EXPLAIN ${text}`, values })
      return plan.map((row) => row['QUERY PLAN']).join('\n')
    }),
  )
  assert.match(
    plans[0] ?? '',
    /Index Scan Backward using items_at[\s\S]*Index Cond: .*ROW\(at, id\) </,
  )
  assert.match(plans[1] ?? '', /items_name[\s\S]*Index Cond: .*name >= /)
})
