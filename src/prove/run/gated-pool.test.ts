/** The pool that a command gets is one to what people use over a pool. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import { PrismaPg } from '@prisma/adapter-pg'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable } from 'drizzle-orm/pg-core'
import { and, eq, gte, sql } from 'drizzle-orm/sql'
import { Kysely, PostgresDialect } from 'kysely'
import type pg from 'pg'
import { testServer } from '../../testing/test-database.ts'
import { exploreRace } from '../explore-race.ts'
import { type RaceCommand, race } from '../race.ts'
import type { Verdict } from '../verdict.ts'

const accounts = pgTable('accounts', {
  id: integer().primaryKey(),
  balance: integer().notNull(),
})

async function explore(one: RaceCommand, two = one): Promise<Verdict> {
  const definition = race({
    schema: 'CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL)',
    seed: 'INSERT INTO accounts VALUES (1, 100)',
    run: { one, two },
    invariants: { 'no negative balance': 'SELECT * FROM accounts WHERE balance < 0' },
  })
  return exploreRace(definition, { server: await testServer() })
}

const isFirst = eq(accounts.id, 1)

test('Drizzle: a check in a transaction is lost, a guarded update holds', async () => {
  const checked = await explore((pool) =>
    drizzle(pool).transaction(async (tx) => {
      const [row] = await tx.select().from(accounts).where(isFirst)
      if ((row?.balance ?? 0) < 70) return 'refused'
      await tx.update(accounts).set({ balance: sql`balance - 70` }).where(isFirst)
      return 'done'
    }),
  )
  assert.equal(checked.verdict, 'VIOLATION')
  assert.equal(checked.findings[0].class, 'lost-update')
  const guarded = await explore(async (pool) => {
    const { rowCount } = await drizzle(pool)
      .update(accounts)
      .set({ balance: sql`balance - 70` })
      .where(and(isFirst, gte(accounts.balance, 70)))
    return rowCount
  })
  assert.equal(guarded.verdict, 'CERTIFIED')
})

test('Kysely: a nested transaction, and one that is SERIALIZABLE', async () => {
  const verdict = await explore(async (pool) => {
    const db = new Kysely<{ accounts: { id: number; balance: number } }>({
      dialect: new PostgresDialect({ pool }),
    })
    const transaction = await db.startTransaction().setIsolationLevel('serializable').execute()
    const saved = await transaction.savepoint('before').execute()
    const { balance } = await saved
      .selectFrom('accounts')
      .select('balance')
      .executeTakeFirstOrThrow()
    await saved.rollbackToSavepoint('before').execute()
    await transaction.commit().execute()
    return balance
  })
  assert.equal(verdict.verdict, 'CERTIFIED')
})

test('callbacks, arrays of values and a pool that is used up', async () => {
  const seen: unknown[] = []
  const verdict = await explore(async (pool) => {
    await new Promise<void>((resolve, reject) => {
      pool.connect((error, client, release) => {
        if (error !== undefined || client === undefined) return reject(error)
        client.query('SELECT $1::int AS n', [7], (failure, result) => {
          release()
          seen.push(result.rows[0].n)
          return failure ? reject(failure) : resolve()
        })
      })
    })
    const { rows } = await pool.query({ text: 'SELECT 1, 2', rowMode: 'array' })
    seen.push(rows[0])
    const clients = await Promise.all(Array.from({ length: 10 }, () => pool.connect()))
    const waiting = pool.connect()
    assert.equal(pool.waitingCount, 1)
    for (const client of clients) client.release()
    const last = await waiting
    last.release()
    assert.throws(() => last.release(), /already been released/)
    await pool.end()
    await assert.rejects(pool.query('SELECT 1'), /after calling end/)
  })
  assert.equal(verdict.verdict, 'CERTIFIED', JSON.stringify(verdict))
  assert.deepEqual(seen.slice(0, 2), [7, [1, 2]])
})

test('a connection is clean for the next schedule: transactions, settings and locks are gone', async () => {
  const leaving: RaceCommand = async (pool) => {
    const client: pg.PoolClient = await pool.connect()
    const { rows } = await client.query(
      `SELECT current_setting('work_mem') AS memory, pg_try_advisory_lock(1) AS got`,
    )
    await client.query(`SET work_mem = '1MB'`)
    await client.query('BEGIN')
    await client.query('DELETE FROM accounts')
    return rows[0].memory
  }
  const verdict = await explore(leaving, async (pool) => {
    await pool.query('SELECT 1 FROM accounts')
  })
  assert.equal(verdict.verdict, 'CERTIFIED', JSON.stringify(verdict))
})

test('a cursor or a stream is not told apart', async () => {
  const verdict = await explore(async (pool) => {
    const client = await pool.connect()
    await client.query({ submit: () => {} } as unknown as pg.QueryConfig)
  })
  assert.equal(verdict.verdict, 'INCONCLUSIVE')
  assert.match(verdict.reason, /reads through a cursor or a stream at .*gated-pool\.test\.ts:\d+/)
})

test('Prisma: a transaction of its adapter, under the guard of its client', async () => {
  const statement = (text: string, args: unknown[] = []) => ({ sql: text, args, argTypes: [] })
  const spend: RaceCommand = async (pool) => {
    // As Prisma's client guards the start of a transaction while it loads what compiles a query.
    const guard = setTimeout(() => {}, GUARD_MS)
    await promisify(deflate)(Buffer.alloc(COMPILED_BYTES))
    const transaction = await (await new PrismaPg(pool).connect()).startTransaction()
    clearTimeout(guard)
    const { rows } = await transaction.queryRaw(statement('SELECT balance FROM accounts'))
    const isEnough = Number(rows[0]?.[0]) >= 70
    const update = 'UPDATE accounts SET balance = balance - $1 RETURNING balance'
    if (isEnough) await transaction.queryRaw(statement(update, [70]))
    await transaction.executeRaw(statement('COMMIT'))
    await transaction.commit()
    return isEnough
  }
  const verdict = await explore(spend)
  assert.equal(verdict.verdict, 'VIOLATION')
  const [{ class: kind, trace, fixes }] = verdict.findings
  assert.equal(kind, 'lost-update')
  assert.ok(!trace.some(({ sql }) => sql.includes('pass')), 'the guard has not run out')
  assert.match(fixes[1]?.sql ?? '', /WHERE <what the check asks> RETURNING balance$/)
})

/** Work beside the event loop that takes longer than a pause is waited for. */
const COMPILED_BYTES = 8 * 1024 * 1024
/** As long as the guards of Prisma's client. */
const GUARD_MS = 2_000
