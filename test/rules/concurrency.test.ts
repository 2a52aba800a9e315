/** Races, crashes and retries: the code of the rules on a real Postgres. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe } from 'node:test'
import type * as CheckThenAct from '../../src/rules/code/check-then-act/fixed.ts'
import type * as CronOnEveryNode from '../../src/rules/code/cron-on-every-node/fixed.ts'
import type * as ExternalCall from '../../src/rules/code/external-call-in-transaction/fixed.ts'
import type * as FireAndForget from '../../src/rules/code/fire-and-forget/fixed.ts'
import type * as GetThenSet from '../../src/rules/code/get-then-set-idempotency/fixed.ts'
import type * as Idempotency from '../../src/rules/code/idempotency/fixed.ts'
import type * as LongTransaction from '../../src/rules/code/long-transaction/fixed.ts'
import type * as MissingIdempotency from '../../src/rules/code/missing-idempotency/fixed.ts'
import type * as MissingTransaction from '../../src/rules/code/missing-transaction/fixed.ts'
import type * as NoTimeoutSql from '../../src/rules/code/no-timeout-sql/fixed.ts'
import type * as Outbox from '../../src/rules/code/outbox/fixed.ts'
import type * as OutboxByTimestamp from '../../src/rules/code/outbox-by-timestamp/fixed.ts'
import type * as PublishAfter from '../../src/rules/code/publish-after-commit/fixed.ts'
import type * as PublishBefore from '../../src/rules/code/publish-before-commit/fixed.ts'
import type * as SkipLocked from '../../src/rules/code/skip-locked-missing/fixed.ts'
import type * as TransactionTimeout from '../../src/rules/code/transaction-timeout/fixed.ts'
import type * as WebhooksIn from '../../src/rules/code/webhooks-in/fixed.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/test-database.ts'
import { until } from '../until.ts'
import { type Arena, cutAt, endedOrBlocked, inArena, pausing } from './arena.ts'
import { executes, listening, served } from './pair.ts'

const ACCOUNTS = `
  CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL, closed_balance int);
  INSERT INTO accounts SELECT n, 100 FROM generate_series(1, 6) AS n`
const ORDERS = `
  CREATE TABLE orders (id bigserial PRIMARY KEY, sku text, state text DEFAULT 'placed', payment text);
  CREATE TABLE outbox (id bigserial PRIMARY KEY, topic text, order_id bigint);
  CREATE TABLE stock (sku text PRIMARY KEY, quantity int CHECK (quantity >= 0));
  CREATE TABLE keys (key text PRIMARY KEY, reply bigint)`

describe('concurrency', () => {
  let database: TestDatabase
  before(async () => {
    database = await testDatabase()
  })
  after(() => database.drop())
  const arena = (setup: string, body: (arena: Arena) => Promise<void>) =>
    inArena(database, setup, body)

  executes<typeof CheckThenAct>('check-then-act', ({ withdraw }) =>
    arena(ACCOUNTS, async ({ db, value }) => {
      const slow = pausing(db, /accounts/)
      const first = withdraw(slow.db, 1, 80)
      await slow.reached
      const second = await withdraw(db, 1, 80)
      slow.go()
      assert.deepEqual([await first, second].filter(Boolean), [true])
      assert.equal(await value('SELECT balance FROM accounts WHERE id = 1'), '20')
    }),
  )

  executes<typeof MissingTransaction>('missing-transaction', ({ transfer }) =>
    arena(ACCOUNTS, async ({ db, value }) => {
      await transfer(cutAt(db, /balance \+/), 1, 2, 50).catch(() => undefined)
      assert.equal(await value('SELECT sum(balance) FROM accounts'), '600')
    }),
  )

  executes<typeof ExternalCall>('external-call-in-transaction', ({ pay }) =>
    arena(ORDERS, async ({ db, value }) => {
      await db.query("INSERT INTO orders (sku) VALUES ('A')")
      let isLocked = false
      const provider = await listening((_request, response) => {
        db.query('SELECT id FROM orders WHERE id = 1 FOR UPDATE NOWAIT')
          .catch(() => {
            isLocked = true
          })
          .finally(() => response.end('pay_1'))
      })
      await pay(db, provider.url, 1).finally(() => provider.close())
      assert.equal(await value('SELECT state FROM orders'), 'paid')
      assert.equal(isLocked, false, 'The row is locked while the other system is asked.')
    }),
  )

  executes<typeof LongTransaction>('long-transaction', ({ closeMonth }) =>
    arena(ACCOUNTS, async ({ db, value }) => {
      const open = 'SELECT count(*) FROM accounts WHERE closed_balance IS NULL'
      await closeMonth(cutAt(db, /UPDATE accounts/, 3), 2).catch(() => undefined)
      assert.equal(await value(open), '2', 'What was done before the stop is kept.')
      await closeMonth(db, 2)
      assert.equal(await value(open), '0')
    }),
  )

  executes<typeof TransactionTimeout>('transaction-timeout', ({ openPool }) =>
    arena('', async ({ url }) => {
      const pool = openPool(url)
      const { rows } = await pool.query('SHOW idle_in_transaction_session_timeout')
      await pool.end()
      assert.notEqual(rows[0].idle_in_transaction_session_timeout, '0')
    }),
  )

  executes<typeof NoTimeoutSql>('no-timeout-sql', ({ openPool }) =>
    arena('', async ({ url }) => {
      const pool = openPool(url)
      const { rows } = await pool.query(
        "SELECT current_setting('statement_timeout') AS s, current_setting('lock_timeout') AS l",
      )
      await pool.end()
      assert.ok(rows[0].s !== '0' && rows[0].l !== '0')
    }),
  )

  executes<typeof MissingIdempotency>('missing-idempotency', ({ routes }) =>
    arena(
      'CREATE TABLE refunds (id serial PRIMARY KEY, key text UNIQUE, order_id int, cents int)',
      async ({ db, value }) => {
        const refund = () =>
          served(
            (app) => routes(app, db),
            async (app) => {
              const headers = { 'idempotency-key': 'r-1' }
              const payload = { order: 7, cents: 995 }
              return app.inject({ method: 'POST', url: '/refunds', headers, payload })
            },
          )
        const first = await refund()
        assert.equal(first.statusCode, 200)
        assert.equal((await refund()).body, first.body)
        assert.equal(await value('SELECT count(*) FROM refunds'), '1')
      },
    ),
  )

  executes<typeof GetThenSet>('get-then-set-idempotency', ({ placeOrder }) =>
    arena(ORDERS, async ({ db, value }) => {
      const slow = pausing(db, /FROM keys|INTO keys/)
      const first = placeOrder(slow.db, 'k-1', 'A')
      await slow.reached
      const second = placeOrder(db, 'k-1', 'A')
      await endedOrBlocked(db, second, 'INTO keys')
      slow.go()
      assert.equal(await second, await first)
      assert.equal(await value('SELECT count(*) FROM orders'), '1')
    }),
  )

  executes<typeof Idempotency>('idempotency', ({ once }) =>
    arena(
      `CREATE TABLE replies (key text PRIMARY KEY, fingerprint text, status int, body text);
       CREATE TABLE effects (id serial)`,
      async ({ db, value }) => {
        const work = async (tx?: { query(sql: string): Promise<unknown> }) => {
          await (tx ?? db).query('INSERT INTO effects DEFAULT VALUES')
          return { status: 201, body: 'done' }
        }
        const dying = cutAt(db, /UPDATE replies|\(key, status/)
        await assert.rejects(once(dying, 'k-1', work))
        assert.deepEqual(await once(db, 'k-1', work), { status: 201, body: 'done' })
        assert.deepEqual(await once(db, 'k-1', work), { status: 201, body: 'done' })
        assert.equal(await value('SELECT count(*) FROM effects'), '1')
      },
    ),
  )

  executes<typeof FireAndForget>('fire-and-forget', ({ signUp }) =>
    arena(
      'CREATE TABLE users (email text); CREATE TABLE welcome_mails (email text)',
      async ({ db }) => {
        const slow = pausing(db, /welcome_mails/)
        let isAnswered = false
        const signedUp = signUp(slow.db, 'ada@example.com').then(() => {
          isAnswered = true
        })
        await slow.reached
        const wasEarly = isAnswered
        slow.go()
        await signedUp
        assert.equal(wasEarly, false, 'The answer was given before the mail was written down.')
      },
    ),
  )

  executes<typeof Outbox>('outbox', (code) =>
    arena(ORDERS, async ({ db, rows }) => {
      const published: number[] = []
      const down = () => Promise.reject(new Error('the broker is down'))
      const up = async (_topic: string, order: number) => void published.push(Number(order))
      await code.placeOrder(db, down, 'A').catch(() => undefined)
      await code.relay?.(db, up)
      const orders = await rows<{ id: string }>('SELECT id FROM orders')
      assert.deepEqual(
        published,
        orders.map(({ id }) => Number(id)),
      )
    }),
  )

  executes<typeof OutboxByTimestamp>('outbox-by-timestamp', ({ readNew }) =>
    arena(
      `CREATE TABLE outbox (id bigserial PRIMARY KEY,
         transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id())`,
      async ({ db, value }) => {
        const slow = await db.connect()
        await slow.query('BEGIN; INSERT INTO outbox DEFAULT VALUES')
        await db.query('INSERT INTO outbox DEFAULT VALUES')
        const first = await readNew(db, '0')
        await slow.query('COMMIT')
        slow.release()
        await until('nobody older runs', async () => {
          const isPast = `pg_snapshot_xmin(pg_current_snapshot()) > max(transaction_id)`
          return (await value(`SELECT ${isPast} FROM outbox`)) === 'true'
        })
        const second = await readNew(db, first.position)
        assert.deepEqual([...first.ids, ...second.ids].sort(), [1, 2])
      },
    ),
  )

  executes<typeof PublishBefore>('publish-before-commit', ({ placeOrder }) =>
    arena(ORDERS, async ({ db }) => {
      await db.query("INSERT INTO stock VALUES ('A', 0)")
      const published: object[] = []
      const queue = { add: async (_name: string, data: object) => void published.push(data) }
      await placeOrder(db, queue, 'A').catch(() => undefined)
      assert.deepEqual(published, [], 'An order that was rolled back was told of.')
    }),
  )

  executes<typeof PublishAfter>('publish-after-commit', ({ placeOrder }) =>
    arena(ORDERS, async ({ db, value }) => {
      const dying = { add: () => Promise.reject(new Error('the process ends here')) }
      await placeOrder(db, dying, 'A').catch(() => undefined)
      const orders = await value('SELECT count(*) FROM orders')
      assert.equal(await value('SELECT count(*) FROM outbox'), orders)
    }),
  )

  executes<typeof SkipLocked>('skip-locked-missing', ({ claim }) =>
    arena(
      `CREATE TABLE jobs (id int PRIMARY KEY, state text DEFAULT 'waiting');
       INSERT INTO jobs SELECT generate_series(1, 4)`,
      async ({ db }) => {
        const [one, two] = [await db.connect(), await db.connect()]
        await one.query('BEGIN')
        await two.query("BEGIN; SET LOCAL lock_timeout = '100ms'")
        const first = await claim(one)
        const second = await claim(two).catch(() => 'waits for the first worker')
        for (const worker of [one, two]) await worker.query('ROLLBACK')
        for (const worker of [one, two]) worker.release()
        assert.deepEqual(
          [first, second],
          [
            [1, 2],
            [3, 4],
          ],
        )
      },
    ),
  )

  executes<typeof CronOnEveryNode>('cron-on-every-node', ({ start }) =>
    arena(
      `CREATE TABLE runs (schedule text, due timestamptz, PRIMARY KEY (schedule, due));
       CREATE TABLE reports (made_at timestamptz)`,
      async ({ db, value }) => {
        const runs: Promise<void>[] = []
        const date = new Date('2026-11-21T03:00:00Z')
        const cron = {
          schedule: (_: string, task: (context: { date: Date }) => Promise<void>) =>
            void runs.push(task({ date })),
        }
        for (let nodes = 0; nodes < 3; nodes++) start(cron, db)
        await Promise.all(runs)
        assert.equal(await value('SELECT count(*) FROM reports'), '1')
      },
    ),
  )

  executes<typeof WebhooksIn>('webhooks-in', ({ receive }) =>
    arena(ACCOUNTS, async ({ db, value }) => {
      await db.query('CREATE TABLE inbox (id text PRIMARY KEY)')
      const body = JSON.stringify({ account: 1, amount: 50 })
      const signature = createHmac('sha256', 'secret').update(body).digest('hex')
      const delivery = { id: 'evt_1', signature, body }
      assert.equal(await receive(db, 'secret', delivery), 200)
      assert.equal(await receive(db, 'secret', delivery), 200)
      assert.equal(await receive(db, 'secret', { ...delivery, signature: 'ab' }), 401)
      assert.equal(await value('SELECT balance FROM accounts WHERE id = 1'), '150')
    }),
  )
})
