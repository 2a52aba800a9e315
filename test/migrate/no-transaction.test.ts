import assert from 'node:assert/strict'
import { test } from 'node:test'
import { migrationStatus } from '../../src/database/migrate/migrate.ts'
import { connect, fault, freshDatabase, moduleOf, run } from './fixture.ts'

const ALONE = '-- holdfast: no-transaction\n'

test('an index that could not be built is dropped and built anew by the next run', async (context) => {
  const { url } = await freshDatabase(context)
  const client = await connect(context, url)
  const module = await moduleOf(context, 'a', {
    '0001_a.sql': 'CREATE TABLE a (x int); INSERT INTO a VALUES (1), (1);',
    '0002_index.sql': `${ALONE}CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "A_x" ON a (x);`,
  })
  await assert.rejects(
    run(url, [module]),
    fault('HF_MIGRATION_FAILED', 'line 2, column 1', '23505', '0 of 1 statements are done'),
  )
  const index = `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass('"A_x"')`
  assert.deepEqual((await client.query(index)).rows, [{ valid: false }])
  const status = await migrationStatus({ url, sources: [module] })
  assert.match(JSON.stringify(status.entries), /"partial".*could not create unique index/)
  await client.query('DELETE FROM a WHERE ctid = (SELECT min(ctid) FROM a)')
  const report = await run(url, [module])
  assert.deepEqual(report.applied, ['a/0002_index'])
  assert.match(
    report.notes.join(),
    /public\."A_x" was left invalid by a failed run; it was dropped/,
  )
  assert.deepEqual((await client.query(index)).rows, [{ valid: true }])
})

test('the next run goes on behind the last statement done, the rest may be mended', async (context) => {
  const { url } = await freshDatabase(context)
  const client = await connect(context, url)
  const start = `${ALONE}CREATE TABLE a (x int);\nINSERT INTO a VALUES (1);\n`
  const module = await moduleOf(context, 'a', { '0001_a.sql': `${start}INSERT INTO b VALUES (2);` })
  await assert.rejects(
    run(url, [module]),
    fault(
      'HF_MIGRATION_FAILED',
      '42P01',
      '2 of 3 statements are done and stay',
      'goes on at line 4',
    ),
  )
  const owner = `SELECT module FROM holdfast.table_owners WHERE table_name = 'a'`
  assert.deepEqual((await client.query(owner)).rows, [{ module: 'a' }])
  await module.write({ '0001_a.sql': `${start.replace('(1)', '(7)')}INSERT INTO a VALUES (2);` })
  await assert.rejects(run(url, [module]), fault('HF_MIGRATION_CHANGED', '2 of 3 statements'))
  await module.write({ '0001_a.sql': `${start}INSERT INTO a VALUES (2);` })
  await run(url, [module])
  assert.deepEqual((await client.query('SELECT x FROM a ORDER BY x')).rows, [{ x: 1 }, { x: 2 }])
  assert.equal((await migrationStatus({ url, sources: [module] })).entries[0]?.state, 'applied')
})

test('an index whose runner died before it could record it is not built twice', async (context) => {
  const { url } = await freshDatabase(context)
  const client = await connect(context, url)
  const module = await moduleOf(context, 'a', {
    '0001_a.sql': 'CREATE TABLE a (x int);',
    '0002_index.sql': `${ALONE}CREATE INDEX CONCURRENTLY a_x ON public.a (x);`,
  })
  await run(url, [module])
  const partial = `UPDATE holdfast.migrations SET state = 'partial', statements_done = 0, error = $1
    WHERE id = '0002_index'`
  await client.query(partial, [null])
  const report = await run(url, [module])
  assert.match(report.notes.join(), /public\.a_x was built by a runner that died/)
  assert.equal(report.after.current, true)
  // After a failure that was recorded nothing is in doubt: the name is taken by somebody else.
  await client.query(partial, ['something else'])
  await assert.rejects(run(url, [module]), fault('HF_MIGRATION_FAILED', '42P07'))
})

test('CONCURRENTLY needs a name for the index, and a file without a transaction', async (context) => {
  const { url } = await freshDatabase(context)
  const table = 'CREATE TABLE a (x int);'
  const unnamed = await moduleOf(context, 'a', {
    '0001_a.sql': table,
    '0002_i.sql': `${ALONE}\nCREATE INDEX CONCURRENTLY ON a (x);`,
  })
  await assert.rejects(
    run(url, [unnamed]),
    fault('HF_MIGRATION_INVALID', 'a/0002_i.sql, line 3', 'needs a name'),
  )
  const inside = await moduleOf(context, 'b', {
    '0001_i.sql': 'CREATE INDEX CONCURRENTLY a_x ON a (x);',
  })
  await assert.rejects(
    run(url, [inside]),
    fault('HF_MIGRATION_FAILED', '25001', '-- holdfast: no-transaction'),
  )
})

test('a table that is altered is told to older snapshots, in the transaction that alters it', async (context) => {
  const { url } = await freshDatabase(context)
  const client = await connect(context, url)
  const change = `SELECT pg_sequence_last_value('holdfast.schema_change')::text AS xid,
 (SELECT xmin::text FROM pg_class WHERE relname = 'a') AS altered`
  const module = await moduleOf(context, 'a', { '0001_a.sql': 'CREATE TABLE a (x int);' })
  await run(url, [module])
  const alter = `${ALONE}ALTER TABLE a ALTER COLUMN x TYPE bigint;\nALTER TABLE missing ADD y int;`
  await module.write({ '0002_alter.sql': alter })
  await assert.rejects(run(url, [module]), fault('HF_MIGRATION_FAILED', '1 of 2 statements'))
  const [told] = (await client.query(change)).rows
  assert.equal(told.xid, told.altered)
})
