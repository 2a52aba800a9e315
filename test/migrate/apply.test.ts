import assert from 'node:assert/strict'
import { test } from 'node:test'
import { migrationStatus } from '../../src/database/migrate/migrate.ts'
import { connect, FRAMEWORK, fault, freshDatabase, moduleOf, rowsOf, run } from './fixture.ts'

test('a failing file tells file, line, column, statement and SQLSTATE, and leaves nothing', async (context) => {
  const { url } = await freshDatabase(context)
  const ordering = await moduleOf(context, 'ordering', {
    '0001_orders.sql': 'CREATE TABLE orders (total int);',
    '0002_names.sql': [
      'CREATE TABLE names (größe text);',
      '-- 🐘 🐘 🐘; a comment with characters outside the basic plane',
      `INSERT INTO names VALUES ('🐘');`,
      'CREATE INDEX ON names (größe) -- 🐘',
      `  WHERE größe <> '🐘' AND grösse = 1;`,
      'SELECT 1;',
    ].join('\r\n'),
    '0003_later.sql': 'CREATE TABLE later ();',
  })
  await assert.rejects(
    run(url, [ordering]),
    fault(
      'HF_MIGRATION_FAILED',
      'ordering/0002_names.sql failed at line 5, column 26: column "grösse" does not exist (SQLSTATE 42703)',
      `  5 |   WHERE größe <> '🐘' AND grösse = 1;\n`,
      `\n${' '.repeat('  5 | '.length + 25)}^\n`,
      'Statement: CREATE INDEX ON names',
      'Nothing of this file stays.',
    ),
  )
  const tables = `SELECT table_name FROM holdfast.table_owners WHERE schema_name = 'public'`
  assert.deepEqual(await rowsOf(context, url, tables), [{ table_name: 'orders' }])
  const status = await migrationStatus({ url, sources: [ordering] })
  assert.deepEqual(
    status.entries.filter(({ source }) => source === 'ordering').map(({ state }) => state),
    ['applied', 'pending', 'pending'],
  )
})

test('an error without a position points at its statement; a deferred one at COMMIT', async (context) => {
  const { url } = await freshDatabase(context)
  const ordering = await moduleOf(context, 'ordering', {
    '0001_a.sql': 'SELECT 1;\n\n  DO $$ BEGIN RAISE division_by_zero; END $$;\n',
  })
  await assert.rejects(
    run(url, [ordering]),
    fault('HF_MIGRATION_FAILED', 'line 3, column 3', '22012', 'Where: PL/pgSQL function'),
  )
  await ordering.write({
    '0001_a.sql': `CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES a INITIALLY DEFERRED);
      INSERT INTO a VALUES (1, 2);`,
  })
  await assert.rejects(
    run(url, [ordering]),
    fault('HF_MIGRATION_FAILED', 'at its end (ledger or COMMIT)', '23503', 'Detail: Key (b)=(2)'),
  )
  assert.deepEqual(await rowsOf(context, url, `SELECT to_regclass('public.a') AS a`), [{ a: null }])
})

test('a file may not end the transaction that holds it, nor be empty', async (context) => {
  const { url } = await freshDatabase(context)
  for (const control of ['commit', 'ROLLBACK', 'END', 'START TRANSACTION', 'begin']) {
    const module = await moduleOf(context, 'a', { '0001_a.sql': `SELECT 1;\n${control};` })
    await assert.rejects(
      run(url, [module]),
      fault(
        'HF_MIGRATION_INVALID',
        'a/0001_a.sql, line 2',
        control.split(' ')[0]?.toUpperCase() ?? '',
      ),
    )
  }
  const empty = await moduleOf(context, 'a', { '0001_a.sql': '-- to do\n' })
  await assert.rejects(run(url, [empty]), fault('HF_MIGRATION_INVALID', 'no statement yet'))
  const savepoints = await moduleOf(context, 'a', {
    '0001_a.sql': 'SAVEPOINT s; CREATE TABLE gone (); ROLLBACK TO SAVEPOINT s; RELEASE s;',
  })
  assert.deepEqual((await run(url, [savepoints])).applied.slice(-1), ['a/0001_a'])
})

test('tables belong to the module that made them, through renames, until they are dropped', async (context) => {
  const { url } = await freshDatabase(context)
  const ordering = await moduleOf(context, 'ordering', {
    '0001_a.sql':
      'CREATE TABLE a (); CREATE TABLE b (); CREATE SCHEMA "Odd"; CREATE TABLE "Odd"."T x" ();',
  })
  const other = await moduleOf(context, 'other', {
    '0001_b.sql':
      'ALTER TABLE a RENAME TO swap; ALTER TABLE b RENAME TO a; ALTER TABLE swap RENAME TO b; CREATE TABLE c (); CREATE TEMP TABLE t ();',
    '0002_c.sql': 'ALTER TABLE c RENAME TO d; DROP TABLE a;',
  })
  await run(url, [ordering, other])
  const owners = `SELECT schema_name || '.' || table_name AS name, module
    FROM holdfast.table_owners WHERE schema_name <> 'holdfast' ORDER BY 1`
  assert.deepEqual(await rowsOf(context, url, owners), [
    { name: 'Odd.T x', module: 'ordering' },
    { name: 'public.b', module: 'ordering' },
    { name: 'public.d', module: 'other' },
  ])
})

test('what a file sets does not reach the next one, nor the ledger', async (context) => {
  const { url } = await freshDatabase(context)
  const client = await connect(context, url)
  await client.query('CREATE SCHEMA AUTHORIZATION CURRENT_USER')
  const module = await moduleOf(context, 'a', {
    '0001_a.sql': `SELECT set_config('search_path', '', false); SET TimeZone = 'Asia/Tokyo';
      SET lock_timeout = '1h';
      SET work_mem = '77MB'; CREATE TEMP TABLE left_over (); SET ROLE holdfast_app;`,
    '0002_b.sql': `CREATE TABLE settings AS SELECT current_user = session_user AS same,
      current_setting('TimeZone') AS zone, current_setting('lock_timeout') AS lock,
      current_setting('work_mem') = '77MB' OR to_regclass('pg_temp.left_over') IS NOT NULL AS leaks`,
  })
  await run(url, [module])
  // Not in the schema that is called as the login role.
  const { rows } = await client.query('SELECT * FROM public.settings')
  assert.deepEqual(rows, [{ same: true, zone: 'UTC', lock: '500ms', leaks: false }])
})

test('a changed file is refused by name, and applies again once it is restored', async (context) => {
  const { url } = await freshDatabase(context)
  const text = 'CREATE TABLE a (x int);\n'
  const module = await moduleOf(context, 'a', { '0001_a.sql': text })
  await run(url, [module])
  await module.write({ '0001_a.sql': `${text} `, '0002_b.sql': 'CREATE TABLE b ();' })
  await assert.rejects(run(url, [module]), fault('HF_MIGRATION_CHANGED', 'a/0001_a.sql', 'Restore'))
  assert.deepEqual(await rowsOf(context, url, `SELECT to_regclass('public.b') AS b`), [{ b: null }])
  await module.write({ '0001_a.sql': text.replaceAll('\n', '\r\n') })
  assert.deepEqual((await run(url, [module])).applied, ['a/0002_b'])
})

test('a late file is refused, or applied by the rule; a missing one is reported', async (context) => {
  const { url } = await freshDatabase(context)
  const module = await moduleOf(context, 'a', { '0002_b.sql': 'CREATE TABLE b ();' })
  await run(url, [module])
  await module.write({ '0001_a.sql': 'CREATE TABLE a ();' })
  await assert.rejects(
    run(url, [module]),
    fault('HF_MIGRATION_ORDER', 'a/0001_a.sql (0002_b is applied already)', '--out-of-order'),
  )
  const report = await run(url, [module], { outOfOrder: 'apply' })
  assert.deepEqual(report.applied, ['a/0001_a'])
  await module.remove('0001_a.sql')
  const again = await run(url, [module])
  assert.equal(again.after.current, true)
  assert.deepEqual(
    again.after.entries.filter(({ state }) => state === 'missing').map(({ id }) => id),
    ['0001_a'],
  )
})

test('the report tells what was and what is; a second run does nothing', async (context) => {
  const { url } = await freshDatabase(context)
  const module = await moduleOf(context, 'a', { '0001_a.sql': 'CREATE TABLE a ();' })
  const first = await run(url, [module])
  assert.deepEqual(first.applied, [...FRAMEWORK, 'a/0001_a'])
  assert.deepEqual(
    first.before.entries.map(({ state }) => state),
    first.applied.map(() => 'pending'),
  )
  assert.equal(first.after.current, true)
  const second = await run(url, [module])
  assert.deepEqual(second.applied, [])
  assert.deepEqual(second.before, first.after)
})

test('a server that cannot be reached is named without its password', async () => {
  const url = 'postgres://someone:geheim@127.0.0.1:1/nowhere'
  await assert.rejects(
    run(url, []),
    (error) =>
      fault('HF_DATABASE_UNAVAILABLE', '127.0.0.1:1, database nowhere, user someone')(error) &&
      !String((error as Error).message).includes('geheim'),
  )
})
