import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { insideTransaction, installOutboundGuard } from '../runtime/outbound-guard.ts'
import { TcpProxy } from '../testing/tcp-proxy.ts'
import { testClock } from '../testing/test-clock.ts'
import { plainTransaction, WireDatabase } from '../testing/wire-database.ts'
import { Pool } from './pool.ts'
import { sql } from './sql.ts'

let database: WireDatabase

before(async () => {
  database = await WireDatabase.make('CREATE TABLE t (id int PRIMARY KEY)')
})

after(() => database.drop())

const one = sql`SELECT 1 AS one`

test('a pool connects when it is first needed, never above its bound, and tells what it does', async () => {
  const pool = database.pool({ connectionsMax: 3 })
  assert.equal(pool.metrics().connections, 0)
  await Promise.all(Array.from({ length: 20 }, () => pool.run([one, one])))
  const { connections, idle, waiting, roundTrips, statements } = pool.metrics()
  assert.deepEqual([connections, idle, waiting, roundTrips, statements], [3, 3, 0, 20, 40])
})

test('the server is the one that the probe found, and no pooler stands between', async () => {
  const { pipelining, namedStatements, pooled, serverVersion } = await database
    .pool()
    .capabilities()
  assert.deepEqual([pipelining, namedStatements, pooled], [true, true, false])
  assert.ok(serverVersion >= 150_000)
})

test('one waits for a connection no longer than allowed, and only so many may wait', async () => {
  const pool = database.pool({ connectionsMax: 1, waitersMax: 2, acquireTimeoutMs: 1_000 })
  const held = await pool.acquire()
  const waits = [pool.run([one]), pool.run([one])]
  const exhausted = (error: unknown) => isFault(error, 'HF_POOL_EXHAUSTED')
  await assert.rejects(pool.run([one]), exhausted)
  for (const wait of waits) await assert.rejects(wait, exhausted)
  await held.release()
  await pool.run([one])
})

test('who has a deadline waits no longer, and leaves the connection to the next', async () => {
  const clock = testClock()
  const pool = database.pool({ connectionsMax: 1, clock })
  const held = await pool.acquire()
  const late = pool.acquire(500)
  const patient = pool.acquire(60_000)
  clock.advance(500)
  await assert.rejects(late, (error) => isFault(error, 'HF_DEADLINE_EXCEEDED'))
  await held.release()
  const next = await patient
  assert.equal(clock.pending, 0)
  await next.release()
})

test('a server that is not there is HF_DATABASE_UNAVAILABLE, until it is', async () => {
  const proxy = await TcpProxy.start(database.database.url)
  const { url } = proxy
  await proxy.close()
  const pool = new Pool({ url })
  await assert.rejects(pool.run([one]), (error) => isFault(error, 'HF_DATABASE_UNAVAILABLE'))
  const { port } = new URL(url)
  const again = await TcpProxy.start(database.database.url, Number(port))
  assert.deepEqual((await pool.run([one]))[0]?.rows, [{ one: 1 }])
  await pool.close()
  await again.close()
})

test('idle connections that are lost are replaced without anybody noticing', async () => {
  const pool = database.pool({ connectionsMax: 2 })
  await Promise.all([pool.run([one]), pool.run([one])])
  database.proxy.cutAll()
  while (pool.metrics().connections > 0) await new Promise(setImmediate)
  await pool.run([one])
})

test('a connection that dies in the hands of its holder is not given to the next', async () => {
  const pool = database.pool({ connectionsMax: 1 })
  const held = await pool.acquire()
  database.proxy.cutAll()
  await assert.rejects(held.run([one]), { name: 'ConnectionLostError' })
  assert.equal(held.broken, true)
  await held.release()
  await pool.run([one])
})

test('a connection given back in the middle of a transaction is thrown away', async () => {
  const pool = database.pool({ connectionsMax: 1 })
  const held = await pool.acquire()
  await held.run([{ text: 'BEGIN', values: [] }, sql`INSERT INTO t VALUES (1)`])
  assert.equal(held.inTransaction, true)
  await held.release()
  const [rows] = await pool.run([sql`SELECT FROM t`])
  assert.equal(rows?.rowCount, 0)
})

test('what hangs on a pipeline is sent one by one, and that is found out once', async () => {
  const proxy = await TcpProxy.start(database.database.url)
  proxy.stallPipelines()
  const pool = new Pool({ url: proxy.url, connectionsMax: 2 })
  assert.equal((await pool.capabilities()).pipelining, false)
  const results = await Promise.all([pool.run([one, one]), pool.run([one, one])])
  assert.deepEqual(
    results[1]?.map(({ rows }) => rows),
    [[{ one: 1 }], [{ one: 1 }]],
  )
  await plainTransaction(pool, (tx) => Promise.all([tx.query(one), tx.query(one)]))
  await pool.close()
  await proxy.close()
})

test('a connection that is lost while it is probed is no sign of a pooler that cannot pipeline', async () => {
  for (const skip of [0, 1]) {
    const pool = database.pool({ connectionsMax: 1 })
    void database.proxy.cutTrip('unsent', { skip })
    await pool.run([one]).catch(() => {})
    assert.equal((await pool.capabilities()).pipelining, true)
    // What was found out once is not doubted when a later connection has bad luck.
    database.proxy.cutAll()
    void database.proxy.cutTrip('unsent', { times: 5 })
    for (let n = 0; n < 5; n++) await pool.run([one]).catch(() => {})
    database.proxy.stopCutting()
    assert.equal((await pool.capabilities()).pipelining, true)
  }
})

test('connecting inside a transaction is no call to the outside', async () => {
  const uninstall = installOutboundGuard()
  try {
    const pool = database.pool({ connectionsMax: 1 })
    await insideTransaction('shop.pay', () => pool.run([one]))
    database.proxy.cutAll()
    await insideTransaction('shop.pay', () => pool.run([one], { retryLost: true }))
  } finally {
    uninstall()
  }
})

test('closing waits for connections in use and may be done twice', async () => {
  const pool = database.pool({ connectionsMax: 2 })
  const held = await pool.acquire()
  const closed = pool.close()
  await held.run([one])
  await held.release()
  await closed
  await pool.close()
  await assert.rejects(pool.run([one]))
})
