import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { Pool } from '../database/pool.ts'
import { sql } from '../database/sql.ts'
import { type TestDatabase, testDatabase } from '../testing/test-database.ts'
import { holdfast } from './builder.ts'
import { defineList, equals } from './list-contract.ts'
import { missingIndexes } from './list-indexes.ts'
import { buildRegistry } from './registry.ts'
import { anyone } from './rule.ts'

interface Table {
  id: string
  at: string
  total: number
  name: string
}

let database: TestDatabase
let pool: Pool

before(async () => {
  database = await testDatabase()
  pool = new Pool({ url: database.url })
  const columns = sql`id uuid PRIMARY KEY, at timestamptz NOT NULL, total int NOT NULL, name text`
  await pool.run([
    sql`CREATE TABLE plain (${columns})`,
    sql`CREATE TABLE tenanted (tenant_id text NOT NULL, ${columns})`,
  ])
})

after(async () => {
  await pool.close()
  await database.drop()
})

const app = holdfast<{ db: { plain: Table; tenanted: Table; coded: Table; missing: Table } }>()
const item = z.object({
  id: z.string(),
  at: z.string(),
  total: z.int(),
  name: z.string().nullable(),
})

async function findings(
  from: 'plain' | 'tenanted' | 'coded' | 'missing',
  ...sorts: readonly string[]
) {
  const [first = '', ...rest] = sorts as 'at asc'[]
  const List = defineList({ name: 'm.list', item, sort: [first as 'at asc', ...rest] })
  const handler = app.list(List, { allow: anyone, from, columns: { name: sql`upper(name)` } })
  const module = app.defineModule({ name: 'm' })
  const registry = buildRegistry({ modules: [{ module, handler }], made: new Set(), services: {} })
  return missingIndexes(registry, pool)
}

test('a sort without its index is told, with the statement that mends it', async () => {
  assert.deepEqual(await findings('plain', 'id asc', 'id desc'), [])
  assert.deepEqual(await findings('plain', 'at desc'), [
    'List "m.list", sort -at: no index serves it: CREATE INDEX CONCURRENTLY ON plain (at, id);',
  ])
  assert.deepEqual(await findings('tenanted', 'at desc'), [
    'List "m.list", sort -at: no index serves it: CREATE INDEX CONCURRENTLY ON tenanted (tenant_id, at, id);',
  ])
  assert.deepEqual(await findings('missing', 'at desc'), [
    'List "m.list", sort -at: there is no table missing.',
  ])
})

test('what cannot serve does not count', async () => {
  await pool.run([
    sql`CREATE INDEX ON tenanted (at, id)`,
    sql`CREATE INDEX ON tenanted (tenant_id, at)`,
    sql`CREATE INDEX ON tenanted (tenant_id, at, id DESC)`,
    sql`CREATE INDEX ON tenanted (tenant_id, (total + 1), id)`,
    sql`CREATE INDEX ON tenanted (tenant_id, at, id) WHERE total > 0`,
    sql`CREATE INDEX ON tenanted (tenant_id) INCLUDE (at, id)`,
  ])
  assert.equal((await findings('tenanted', 'at asc')).length, 1)
  await pool.run([sql`CREATE INDEX ON tenanted (tenant_id DESC, at, id, total)`])
  assert.deepEqual(await findings('tenanted', 'at asc', 'at desc'), [])
  await pool.run([sql`CREATE INDEX ON tenanted (tenant_id, total DESC, at DESC, id DESC)`])
  assert.deepEqual(await findings('tenanted', 'total asc, at asc'), [])
})

test('behind a unique key nothing is left to order', async () => {
  await pool.run([
    sql`CREATE TABLE coded (tenant_id text NOT NULL, id uuid PRIMARY KEY,
    at timestamptz NOT NULL, total int NOT NULL, name text, UNIQUE (tenant_id, total))`,
  ])
  assert.deepEqual(await findings('coded', 'total asc'), [])
  assert.equal((await findings('coded', 'at asc')).length, 1)
})

test('a list below something leads with what stands in its path', async () => {
  const Below = defineList({
    name: 'm.below',
    http: 'GET /v1/totals/{total}/things',
    item,
    filter: { total: equals(z.coerce.number()) },
    sort: ['at asc'],
  })
  const handler = app.list(Below, { allow: anyone, from: 'plain' })
  const module = app.defineModule({ name: 'm' })
  const registry = buildRegistry({ modules: [{ module, handler }], made: new Set(), services: {} })
  assert.match(String(await missingIndexes(registry, pool)), /plain \(total, at, id\)/)
  await pool.run([sql`CREATE INDEX ON plain (total, at DESC, id DESC)`])
  assert.deepEqual(await missingIndexes(registry, pool), [])
})

test('a sort column that may be null would lose rows', async () => {
  const Notes = defineList({
    name: 'm.notes',
    item: z.object({ id: z.string(), name: z.string().nullable() }),
    sort: ['name asc'],
  })
  await pool.run([sql`CREATE INDEX ON plain (name, id)`])
  const handler = app.list(Notes, { allow: anyone, from: 'plain' })
  const module = app.defineModule({ name: 'm' })
  const registry = buildRegistry({ modules: [{ module, handler }], made: new Set(), services: {} })
  assert.deepEqual(await missingIndexes(registry, pool), [
    'List "m.notes", sort name: the column name may be null, and pages would lose such rows.',
  ])
})
