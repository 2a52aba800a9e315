/** Every statement of a trace names the line of the user's that has led to it, whatever stands between. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { PrismaPg } from '@prisma/adapter-pg'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable } from 'drizzle-orm/pg-core'
import { eq } from 'drizzle-orm/sql'
import { Kysely, PostgresDialect } from 'kysely'
import { testServer } from '../../testing/test-database.ts'
import { exploreRace } from '../explore-race.ts'
import { type RaceCommand, race } from '../race.ts'

const accounts = pgTable('accounts', {
  id: integer().primaryKey(),
  balance: integer().notNull(),
})
const isFirst = eq(accounts.id, 1)
const lines = readFileSync(new URL(import.meta.url), 'utf8').split('\n')

/** The lines that the statements of one command of a lost update come from, and what they say. */
async function trail(command: RaceCommand): Promise<[sql: string, line: string][]> {
  const definition = race({
    schema: 'CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL)',
    seed: 'INSERT INTO accounts VALUES (1, 100)',
    run: { one: command, two: command },
  })
  const verdict = await exploreRace(definition, { server: await testServer() })
  assert.equal(verdict.verdict, 'VIOLATION', JSON.stringify(verdict))
  const steps = verdict.findings[0].trace.filter((step) => step.command === 'one')
  return steps.map(({ sql, place = 'nowhere' }) => {
    const [, number] = /trail\.test\.ts:(\d+)$/.exec(place) ?? []
    return [sql.split(' ')[0]?.toLowerCase() ?? '', lines[Number(number) - 1]?.trim() ?? place]
  })
}

test('Drizzle: the transaction by its call, statements by theirs', async () => {
  const steps = await trail((pool) =>
    drizzle(pool).transaction(async (tx) => {
      const [row] = await tx.select().from(accounts).where(isFirst)
      return await tx.update(accounts).set({ balance: (row?.balance ?? 0) - 70 })
    }),
  )
  assert.deepEqual(steps, [
    ['begin', 'drizzle(pool).transaction(async (tx) => {'],
    ['select', 'const [row] = await tx.select().from(accounts).where(isFirst)'],
    ['update', 'return await tx.update(accounts).set({ balance: (row?.balance ?? 0) - 70 })'],
    ['commit', 'drizzle(pool).transaction(async (tx) => {'],
  ])
})

test('Drizzle: side by side, and in the order of the calls', async () => {
  const steps = await trail(async (pool) => {
    const db = drizzle(pool)
    const [[row]] = await Promise.all([db.select().from(accounts), db.$count(accounts)])
    await db.update(accounts).set({ balance: (row?.balance ?? 0) - 70 })
  })
  const both =
    'const [[row]] = await Promise.all([db.select().from(accounts), db.$count(accounts)])'
  assert.deepEqual(steps, [
    ['select', both],
    ['select', both],
    ['update', 'await db.update(accounts).set({ balance: (row?.balance ?? 0) - 70 })'],
  ])
})

test('Kysely: a transaction that is handed on without an await', async () => {
  const steps = await trail((pool) => {
    const db = new Kysely<{ accounts: { id: number; balance: number } }>({
      dialect: new PostgresDialect({ pool }),
    })
    return db.transaction().execute(async (tx) => {
      const { balance } = await tx.selectFrom('accounts').selectAll().executeTakeFirstOrThrow()
      const update = tx.updateTable('accounts').set({ balance: balance - 70 })
      return (await update.executeTakeFirst()).numUpdatedRows
    })
  })
  assert.deepEqual(steps, [
    ['begin', 'return db.transaction().execute(async (tx) => {'],
    [
      'select',
      "const { balance } = await tx.selectFrom('accounts').selectAll().executeTakeFirstOrThrow()",
    ],
    ['update', 'return (await update.executeTakeFirst()).numUpdatedRows'],
    ['commit', 'return db.transaction().execute(async (tx) => {'],
  ])
})

/** As the promises of Prisma's client: they begin when they are awaited, behind a batch of others. */
class Later<T> implements PromiseLike<T> {
  readonly #work: () => Promise<T>

  constructor(work: () => Promise<T>) {
    this.#work = work
  }

  // biome-ignore lint/suspicious/noThenProperty: that is what makes it one.
  then<R, S>(
    done?: ((value: T) => R | PromiseLike<R>) | null,
    failed?: ((error: unknown) => S | PromiseLike<S>) | null,
  ) {
    const begun = new Promise<T>((resolve, reject) => {
      process.nextTick(() => this.#work().then(resolve, reject))
    })
    return begun.then(done, failed)
  }
}

test('Prisma: statements of its adapter behind promises that begin later', async () => {
  const statement = (sql: string, args: unknown[] = []) => ({ sql, args, argTypes: [] })
  const update = statement('UPDATE accounts SET balance = balance - 70')
  const steps = await trail(async (pool) => {
    const transaction = await (await new PrismaPg(pool).connect()).startTransaction()
    const ask = (text: string) => new Later(() => transaction.queryRaw(statement(text)))
    const { rows } = await ask('SELECT balance FROM accounts')
    if (Number(rows[0]?.[0]) >= 70) await new Later(() => transaction.executeRaw(update))
    await transaction.executeRaw(statement('COMMIT'))
    await transaction.commit()
    return rows
  })
  assert.deepEqual(steps, [
    ['begin', 'const transaction = await (await new PrismaPg(pool).connect()).startTransaction()'],
    [
      'select',
      'const ask = (text: string) => new Later(() => transaction.queryRaw(statement(text)))',
    ],
    [
      'update',
      'if (Number(rows[0]?.[0]) >= 70) await new Later(() => transaction.executeRaw(update))',
    ],
    ['commit', "await transaction.executeRaw(statement('COMMIT'))"],
  ])
})
