import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { dropLeftovers, serverAt, testDatabase, testServer } from './test-database.ts'

async function ask<Row>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

test('a test database is empty, owned by its login role, and that role is no superuser', async () => {
  await using database = await testDatabase()
  const rows = await ask(
    database.url,
    `SELECT current_database() AS name, pg_get_userbyid(datdba) = current_user AS owner,
            rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
            (SELECT count(*)::int FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS tables
       FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user`,
  )
  assert.deepEqual(rows, [
    {
      name: database.name,
      owner: true,
      rolsuper: false,
      rolbypassrls: false,
      rolcreaterole: true,
      rolcreatedb: true,
      tables: 0,
    },
  ])
})

test('the owner may create schemas, tables and roles in it', async () => {
  await using database = await testDatabase()
  const role = `role_of_${database.name}`
  await ask(database.url, 'CREATE SCHEMA s CREATE TABLE t (id int)')
  await ask(database.url, `CREATE ROLE ${role}`)
  await ask(database.url, `DROP ROLE ${role}`)
})

test('databases are apart', async () => {
  await using one = await testDatabase()
  await using other = await testDatabase()
  await ask(one.url, 'CREATE TABLE t (id int)')
  await assert.rejects(ask(other.url, 'SELECT FROM t'), { code: '42P01' })
})

test('a dropped database is gone, with its connections; dropping twice is fine', async () => {
  const database = await testDatabase()
  const client = new pg.Client({ connectionString: database.url })
  client.on('error', () => {})
  const lost = new Promise((resolve) => client.once('end', resolve))
  await client.connect()
  await database.drop()
  await lost
  await database.drop()
  await assert.rejects(ask(database.url, 'SELECT 1'), { code: '3D000' })
})

test('a leftover of a dead process is dropped, a database of a living one is kept', async () => {
  await using living = await testDatabase()
  const server = await testServer()
  // Above pid_max of any system.
  const dead = living.name.replace(`_${process.pid}_`, '_99999999_')
  await ask(server.adminUrl, `CREATE DATABASE ${dead}`)
  assert.equal(await dropLeftovers(server), 1)
  const names = await ask<{ datname: string }>(server.adminUrl, 'SELECT datname FROM pg_database')
  assert.ok(names.some(({ datname }) => datname === living.name))
  assert.ok(!names.some(({ datname }) => datname === dead))
})

/** A login role with the rights given, on the server of this test. */
async function withRole(
  rights: string,
  work: (url: string, role: string) => Promise<void>,
): Promise<void> {
  await using database = await testDatabase()
  const role = `role_of_${database.name}`
  await ask(database.adminUrl, `CREATE ROLE ${role} LOGIN ${rights} PASSWORD 'secret'`)
  const url = new URL(database.adminUrl)
  url.username = role
  url.password = 'secret'
  try {
    await work(url.href, role)
  } finally {
    await ask(database.adminUrl, `DROP ROLE ${role}`)
  }
}

test('a server of yours: a superuser makes the test role, twice at once too', async () => {
  const { adminUrl } = await testServer()
  const [one, other] = await Promise.all([serverAt(adminUrl), serverAt(adminUrl)])
  assert.deepEqual(one, other)
  assert.equal(one.owner, 'holdfast_test')
  await using database = await testDatabase({ server: one })
  assert.deepEqual(
    await ask(
      database.url,
      'SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user',
    ),
    [{ rolname: 'holdfast_test', rolsuper: false, rolbypassrls: false }],
  )
})

test('a server of yours: a role that may create databases and roles is used as it is', async () => {
  await withRole('CREATEDB CREATEROLE', async (url, role) => {
    const server = await serverAt(url)
    assert.deepEqual(server, { url, adminUrl: url, owner: role })
    await using database = await testDatabase({ server })
    assert.deepEqual(await ask(database.url, 'SELECT current_user::text AS role'), [{ role }])
  })
})

test('a server of yours: any other role is refused with the statement that mends it', async () => {
  await withRole('', async (url, role) => {
    await assert.rejects(serverAt(url), {
      code: 'HF_TEST_DATABASE',
      message: new RegExp(`ALTER ROLE ${role} CREATEDB CREATEROLE`),
    })
  })
})

test('a server that is not there is named as such', async () => {
  await assert.rejects(serverAt('postgres://nobody@127.0.0.1:1/none'), {
    code: 'HF_DATABASE_UNAVAILABLE',
  })
})
