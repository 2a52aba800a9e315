/** An answer is one: what it stands for has happened. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { testDatabase } from '../../testing/test-database.ts'
import { askUntilReady } from './pg-face.ts'

/** The driver alone is told too early in one of three. */
const TRIES = 50

test('behind an error the locks are given back', async (context) => {
  const database = await testDatabase()
  const connect = async () => {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    return client
  }
  const [one, other] = [await connect(), await connect()]
  context.after(async () => {
    await Promise.all([one.end(), other.end()])
    await database.drop()
  })
  await one.query('CREATE TABLE r AS SELECT 1 AS id')
  for (let tries = 0; tries < TRIES; tries += 1) {
    await one.query('BEGIN')
    await one.query('SELECT id FROM r FOR UPDATE')
    await assert.rejects(askUntilReady(one, { text: 'SELECT 1 / 0' }), { code: '22012' })
    assert.equal(one.getTransactionStatus(), 'E')
    await other.query('SELECT id FROM r FOR UPDATE NOWAIT')
    await one.query('ROLLBACK')
  }
})

test('an error that ends the session is not waited behind', async (context) => {
  const database = await testDatabase()
  context.after(() => database.drop())
  const client = new pg.Client({ connectionString: database.url })
  client.on('error', () => {})
  await client.connect()
  const end = askUntilReady(client, { text: 'SELECT pg_terminate_backend(pg_backend_pid())' })
  await assert.rejects(end, { code: '57P01' })
})
