/**
 * Behind a pooler in transaction mode nothing breaks and nothing leaks: with a small one of ours,
 * which is always there, and with PgBouncer where it is installed.
 */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { type PgBouncer, pgBouncer, startPgBouncer } from '../testing/pgbouncer.ts'
import { type TestDatabase, testDatabase } from '../testing/test-database.ts'
import { TransactionPooler } from '../testing/transaction-pooler.ts'
import { plainTransaction } from '../testing/wire-database.ts'
import { Pool, type PoolOptions } from './pool.ts'
import { readSnapshot } from './snapshot.ts'
import { sql } from './sql.ts'
import { hasState } from './sqlstate.ts'

const tenantOf = sql<{ tenant: string | null }>`SELECT current_setting('x.tenant', true) AS tenant`
const enter = (tenant: string) => sql`
  SELECT set_config('x.tenant', ${tenant}, true), pg_current_xact_id()::text AS xid`

type Work = (pool: Pool) => Promise<void>

/** Runs one of the promises against a database and a pooler of its own. */
async function behind(
  start: (database: TestDatabase) => Promise<PgBouncer>,
  work: Work,
  options: Partial<PoolOptions>,
): Promise<void> {
  await using database = await testDatabase()
  const direct = new Pool({ url: database.url, connectionsMax: 1 })
  await direct.run([sql`CREATE TABLE t (id int PRIMARY KEY, tenant text)`])
  await direct.close()
  const pooler = await start(database)
  const pool = new Pool({ url: pooler.url, connectionsMax: 8, ...options })
  try {
    await work(pool)
  } finally {
    await pool.close()
    await pooler.close()
  }
}

const promises: Readonly<Record<string, Work>> = {
  'the probe tells that a pooler stands between, and that names do not last': async (pool) => {
    const { pooled, namedStatements } = await pool.capabilities()
    assert.deepEqual([pooled, namedStatements], [true, false])
  },

  'eight clients over two connections: each sees its own tenant, all that is written is there':
    async (pool) => {
      const write = async (id: number) => {
        const tenant = `tenant ${id % 5}`
        const opening = () => [enter(tenant)]
        await plainTransaction(
          pool,
          async (tx) => {
            assert.equal((await tx.query(tenantOf)).rows[0]?.tenant, tenant)
            await tx.query(sql`INSERT INTO t VALUES (${id}, current_setting('x.tenant'))`)
            assert.equal((await tx.query(tenantOf)).rows[0]?.tenant, tenant)
          },
          { opening, isolation: 'read committed' },
        )
      }
      await Promise.all(Array.from({ length: 80 }, (_, id) => write(id)))
      const [rows] = await pool.run([
        sql`SELECT count(*) FROM t WHERE tenant = 'tenant ' || (id % 5)`,
      ])
      assert.deepEqual(rows?.rows, [{ count: 80 }])
    },

  'nothing stays on a server connection: no setting, no role, no statement, no lock': async (
    pool,
  ) => {
    const opening = () => [enter('left behind')]
    const ends: Promise<unknown>[] = []
    for (let id = 0; id < 8; id++) {
      ends.push(
        plainTransaction(pool, (tx) => tx.query(sql`INSERT INTO t VALUES (${id})`), { opening }),
      )
      ends.push(
        plainTransaction(pool, (tx) => tx.query(sql`SELECT 1 / 0`), { opening }).catch(() => {}),
      )
      ends.push(
        readSnapshot(
          pool,
          {
            deadlineMs: pool.clock.monotonicMs() + 60_000,
            context: () => [enter('left behind')],
            memory: { several: false },
          },
          (reader) => reader.query(tenantOf),
        ),
      )
    }
    await Promise.all(ends)
    const left = sql`
        SELECT coalesce(current_setting('x.tenant', true), '') AS tenant, current_user = session_user AS own,
          (SELECT count(*) FROM pg_prepared_statements) AS statements,
          (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks`
    const seen = await Promise.all(Array.from({ length: 16 }, () => pool.run([left])))
    for (const [rows] of seen) {
      assert.deepEqual(rows?.rows, [{ tenant: '', own: true, statements: 0, locks: 0 }])
    }
  },

  'errors and retries are as without it': async (pool) => {
    await assert.rejects(
      pool.run([sql`INSERT INTO t VALUES (1)`, sql`INSERT INTO t VALUES (1)`]),
      (error) => hasState(error, '23505'),
    )
    let runs = 0
    await plainTransaction(pool, async (tx) => {
      await tx.query(sql`INSERT INTO t VALUES (1)`)
      if (++runs === 1) await tx.query(sql`SELECT pg_terminate_backend(pg_backend_pid())`)
    })
    assert.equal(runs, 2)
    const [rows] = await pool.run([sql`SELECT count(*) FROM t`])
    assert.deepEqual(rows?.rows, [{ count: 1 }])
  },

  'a running statement is cancelled through it, and nobody else’s': async (pool) => {
    const leaving = new AbortController()
    const { signal } = leaving
    const ended = plainTransaction(pool, (tx) => tx.query(sql`SELECT pg_sleep(30)`), { signal })
    const busy = sql`SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%'
        AND state = 'active' AND pid <> pg_backend_pid()`
    while ((await pool.run([busy]))[0]?.rowCount === 0);
    leaving.abort()
    await assert.rejects(ended, (error) => isFault(error, 'HF_CANCELLED'))
    await Promise.all(Array.from({ length: 16 }, () => pool.run([sql`SELECT pg_sleep(0.01)`])))
  },
}

const singlePromises: Readonly<Record<string, Work>> = {
  'without pipelining all of it holds too': async (pool) => {
    const read = async (tenant: string) => {
      const context = () => [enter(tenant)]
      const deadlineMs = pool.clock.monotonicMs() + 60_000
      const options = { deadlineMs, context, memory: { several: false } }
      const { rows } = await readSnapshot(pool, options, (reader) => reader.query(tenantOf))
      assert.deepEqual(rows, [{ tenant }])
    }
    await Promise.all(Array.from({ length: 24 }, (_, n) => read(`tenant ${n}`)))
  },
}

function testAll(start: (database: TestDatabase) => Promise<PgBouncer>): void {
  for (const [title, work] of Object.entries(promises)) {
    test(title, () => behind(start, work, {}))
  }
  for (const [title, work] of Object.entries(singlePromises)) {
    test(title, () => behind(start, work, { pipelining: false }))
  }
}

suite('a pooler of ours', () => {
  testAll((database) => TransactionPooler.start(database.url))
})

suite('PgBouncer', { skip: pgBouncer === undefined && 'PgBouncer is not installed' }, () => {
  testAll(startPgBouncer)
})
