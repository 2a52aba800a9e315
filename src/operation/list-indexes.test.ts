import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import type { ListedTable } from '../database/list-indexes.ts'
import { Pool } from '../database/pool.ts'
import { sql } from '../database/sql.ts'
import type { Statement } from '../database/statement.ts'
import { type TestDatabase, testDatabase } from '../testing/test-database.ts'
import { holdfast } from './builder.ts'
import { defineList } from './list-contract.ts'
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

const app = holdfast<{ db: { plain: Table; tenanted: Table; missing: Table } }>()
const item = z.object({
  id: z.string(),
  at: z.string(),
  total: z.int(),
  name: z.string().nullable(),
})

async function findings(from: 'plain' | 'tenanted' | 'missing', ...sorts: readonly string[]) {
  const [first = '', ...rest] = sorts as 'at asc'[]
  const List = defineList({ name: 'm.list', item, sort: [first as 'at asc', ...rest] })
  const handler = app.list(List, { allow: anyone, from, columns: { name: sql`upper(name)` } })
  const module = app.defineModule({ name: 'm' })
  const registry = buildRegistry({ modules: [{ module, handler }], made: new Set(), services: {} })
  return missingIndexes(registry, async (statement: Statement) => {
    const [tables] = await pool.run([statement])
    return tables?.rows as unknown as ListedTable[]
  })
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
  const run = async (statement: Statement) => {
    const [tables] = await pool.run([statement])
    return tables?.rows as unknown as ListedTable[]
  }
  assert.deepEqual(await missingIndexes(registry, run), [
    'List "m.notes", sort name: the column name may be null, and pages would lose such rows.',
  ])
})
