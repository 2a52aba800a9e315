import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Client } from 'pg'
import { ensureDatabase } from '../../src/database/embedded/server-handle.ts'
import { startTestServer } from '../../src/database/embedded/test-server.ts'
import { connect, fault, freshDatabase, moduleOf, run, watching } from './fixture.ts'

async function migrated(context: TestContext): Promise<{ client: Client; admin: Client }> {
  const { url, adminUrl } = await freshDatabase(context)
  const module = await moduleOf(context, 'notes', {
    '0001_notes.sql': `
      CREATE TABLE notes (tenant_id text NOT NULL, id int GENERATED ALWAYS AS IDENTITY, body text,
        PRIMARY KEY (tenant_id, id));
      CREATE SEQUENCE numbers;
      ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
      ALTER TABLE notes FORCE ROW LEVEL SECURITY;
      CREATE POLICY tenant ON notes USING (tenant_id = holdfast.tenant());
      CREATE POLICY backup ON notes FOR SELECT TO holdfast_backup USING (true);`,
  })
  await run(url, [module])
  return { client: await connect(context, url), admin: await connect(context, adminUrl) }
}

function state(code: string) {
  return (error: unknown) => (error as { code?: string }).code === code
}

test('without a tenant nothing is read or written, also after the setting was reset', async (context) => {
  const { client } = await migrated(context)
  await assert.rejects(client.query('SELECT holdfast.tenant()'), state('HF001'))
  // As the owner, too: the login role is bound, unless somebody let it inherit from the backup role.
  const inherits = `SELECT pg_has_role('holdfast_backup', 'USAGE') AS inherits`
  if ((await client.query(inherits)).rows[0]?.inherits === false) {
    await assert.rejects(client.query('SELECT count(*) FROM notes'), state('HF001'))
  }
  await client.query(`BEGIN; SET LOCAL ROLE holdfast_app; SET LOCAL holdfast.tenant = 'one'`)
  await client.query(`INSERT INTO notes (tenant_id, body) VALUES ('one', 'x')`)
  await client.query('COMMIT')
  for (const role of ['holdfast_app', 'holdfast_loops']) {
    // After the transaction the setting reads as an empty string, not as NULL.
    await client.query(`BEGIN; SET LOCAL ROLE ${role}`)
    await assert.rejects(client.query('SELECT body FROM notes'), state('HF001'))
    await client.query('ROLLBACK')
  }
  await client.query(`BEGIN; SET LOCAL ROLE holdfast_app; RESET holdfast.tenant`)
  await assert.rejects(client.query(`INSERT INTO notes VALUES ('one')`), state('HF001'))
  await client.query('ROLLBACK')
})

test('a tenant reads and writes its own rows only; a backup reads all', async (context) => {
  const { client, admin } = await migrated(context)
  for (const tenant of ['one', 'two']) {
    await client.query(
      `BEGIN; SET LOCAL ROLE holdfast_app; SET LOCAL holdfast.tenant = '${tenant}'`,
    )
    await client.query(`INSERT INTO notes (tenant_id, body) VALUES ($1, nextval('numbers'))`, [
      tenant,
    ])
    assert.equal((await client.query('SELECT * FROM notes')).rowCount, 1)
    assert.equal((await client.query(`UPDATE notes SET body = 'y'`)).rowCount, 1)
    await client.query('COMMIT')
  }
  await client.query(`BEGIN; SET LOCAL ROLE holdfast_app; SET LOCAL holdfast.tenant = 'one'`)
  await assert.rejects(client.query(`UPDATE notes SET tenant_id = 'two'`), state('42501'))
  await client.query('ROLLBACK')
  await admin.query('BEGIN; SET LOCAL ROLE holdfast_backup')
  assert.equal((await admin.query('SELECT * FROM notes')).rowCount, 2)
  const { rows } = await admin.query(
    `SELECT has_table_privilege('notes', 'SELECT') AS reads, has_table_privilege('notes', 'DELETE') AS deletes`,
  )
  assert.deepEqual(rows, [{ reads: true, deletes: false }])
  await admin.query('ROLLBACK')
})

test('actor() is NULL where nobody is named; require() raises unless true', async (context) => {
  const { client } = await migrated(context)
  const actor = () => client.query('SELECT holdfast.actor() AS actor')
  assert.deepEqual((await actor()).rows, [{ actor: null }])
  await client.query(`BEGIN; SET LOCAL holdfast.actor = 'key_1'`)
  assert.deepEqual((await actor()).rows, [{ actor: 'key_1' }])
  await client.query('COMMIT')
  assert.deepEqual((await actor()).rows, [{ actor: null }])
  const require = (ok: boolean | null) =>
    client.query(`SELECT holdfast.require($1, 'HF003', 'lease lost')`, [ok])
  await require(true)
  await assert.rejects(require(false), { code: 'HF003', message: 'lease lost' })
  await assert.rejects(require(null), state('HF003'))
})

test('databases of one cluster share the roles, whoever makes them, or say what is missing', async (context) => {
  const server = await startTestServer()
  context.after(() => server.stop())
  const admin = await connect(context, server.adminUrl())
  const asRole = (role: string, database: string) =>
    `postgres://${role}:x@127.0.0.1:${server.port}/${database}`
  await admin.query(`CREATE ROLE second LOGIN CREATEROLE PASSWORD 'x'`)
  await admin.query(`CREATE ROLE plain LOGIN PASSWORD 'x'`)
  await admin.query('CREATE DATABASE b OWNER second')
  await admin.query('CREATE DATABASE c OWNER plain')
  await ensureDatabase(server, 'a')
  await ensureDatabase(server, 'd')

  await assert.rejects(
    run(asRole('plain', 'c'), []),
    fault(
      'HF_MIGRATION_FAILED',
      '42501',
      'plain may not create the role',
      'CREATE ROLE holdfast_app NOLOGIN;',
      'TO plain WITH INHERIT FALSE',
    ),
  )
  // Another database is in the middle of making the same role.
  await admin.query('BEGIN; CREATE ROLE holdfast_app NOLOGIN')
  const log = watching((message) => {
    if (message.startsWith('Lock not available')) {
      void admin.query('GRANT holdfast_app TO holdfast WITH ADMIN OPTION; COMMIT')
    }
  })
  await run(server.url('a'), [], { lockTimeoutMs: 50, log })
  // On 16 and later only who made a role may grant it.
  await assert.rejects(
    run(asRole('second', 'b'), []),
    fault(
      'HF_MIGRATION_FAILED',
      '42501',
      'GRANT holdfast_app, holdfast_loops, holdfast_backup TO second WITH INHERIT FALSE, SET TRUE;',
    ),
  )
  await admin.query(
    'GRANT holdfast_app, holdfast_loops, holdfast_backup TO second, plain WITH INHERIT FALSE, SET TRUE',
  )
  const all = [asRole('second', 'b'), asRole('plain', 'c'), server.url('d')]
  for (const report of await Promise.all(all.map((url) => run(url, [])))) {
    assert.equal(report.after.current, true)
  }
})

test('two databases of a new cluster may be migrated at once', async (context) => {
  const server = await startTestServer()
  context.after(() => server.stop())
  const names = ['a', 'b', 'c', 'd']
  for (const name of names) await ensureDatabase(server, name)
  const reports = await Promise.all(names.map((name) => run(server.url(name), [])))
  assert.deepEqual(
    reports.map(({ after }) => after.current),
    names.map(() => true),
  )
})
