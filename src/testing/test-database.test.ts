import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { dropLeftovers, testDatabase, testServer } from './test-database.ts'

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
