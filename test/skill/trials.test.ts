/**
 * The same two tasks, done with and without the skill, put to the same questions. The table of
 * docs/guides/skill.md is what comes out.
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import {
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { exploreRace } from '../../src/prove/explore-race.ts'
import { race } from '../../src/prove/race.ts'
import type { Finding } from '../../src/review/report/finding.ts'
import { review } from '../../src/review/review.ts'
import { testDatabase, testServer } from '../../src/testing/test-database.ts'
import * as voucherWith from './voucher/with/redeem.ts'
import * as voucherWithout from './voucher/without/redeem.ts'
import * as webhookWith from './webhook/with/payment.ts'
import * as webhookWithout from './webhook/without/payment.ts'

const sides = ['without', 'with'] as const
type Side = (typeof sides)[number]

const redeem = { with: voucherWith.redeem, without: voucherWithout.redeem }
const paymentSucceeded = {
  with: webhookWith.paymentSucceeded,
  without: webhookWithout.paymentSucceeded,
}

const VOUCHERS = `INSERT INTO vouchers VALUES ('TEN', 1, 'infinity', 1000);
  INSERT INTO orders VALUES ('o1', 'ann'), ('o2', 'bob')`
const ORDERS = `INSERT INTO orders VALUES ('o1', 'ann@example.org', 'placed')`
const EVENT = { id: 'e1', type: 'payment.succeeded', orderId: 'o1', amountMinor: 500 }

function schemaOf(task: string, side: Side): string {
  const files = globSync([`${task}/schema.sql`, `${task}/${side}/schema.sql`], {
    cwd: import.meta.dirname,
  })
  return files
    .sort((left, right) => left.length - right.length)
    .map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'))
    .join('\n')
}

async function verdictOf(task: string, side: Side, seed: string, run: object, broken: string) {
  const schema = schemaOf(task, side)
  const definition = { schema, seed, run, invariants: { rule: broken } }
  const made = race(definition as Parameters<typeof race>[0])
  return (await exploreRace(made, { server: await testServer() })).verdict === 'CERTIFIED'
}

/** A database of its own with the task's schema and seed. */
async function inDatabase<T>(
  task: string,
  side: Side,
  seed: string,
  work: (db: pg.Pool) => Promise<T>,
): Promise<T> {
  await using database = await testDatabase()
  const db = new pg.Pool({ connectionString: database.url })
  // end() does not wait for the sockets, and whoever is still there when the database goes is told.
  db.on('connect', (client) => client.on('error', () => undefined))
  try {
    await db.query(`${schemaOf(task, side)};${seed}`)
    return await work(db)
  } finally {
    await db.end()
  }
}

/** As if the process ended there: the statement, and what would come behind it, never arrives. */
function dyingAt(db: pg.Pool, text: string): pg.Pool {
  const guarded = (target: object): object =>
    new Proxy(target, {
      get(of, name) {
        const value = Reflect.get(of, name)
        if (name === 'query')
          return (sql: string, values?: unknown[]) => {
            if (sql.startsWith(text)) throw new Error('gone')
            return value.call(of, sql, values)
          }
        if (name === 'connect') return async () => guarded(await value.call(of))
        return typeof value === 'function' ? value.bind(of) : value
      },
    })
  return guarded(db) as pg.Pool
}

async function count(db: pg.Pool, sql: string): Promise<number> {
  const { rows } = await db.query(`SELECT count(*)::int AS count FROM ${sql}`)
  return rows[0].count
}

interface Question {
  readonly task: 'voucher' | 'webhook'
  readonly asks: string
  /** Whether it holds. */
  holds(side: Side, called: readonly string[]): Promise<boolean>
}

const questions: readonly Question[] = [
  {
    task: 'voucher',
    asks: 'Two customers at once, one use left',
    holds: (side) =>
      verdictOf(
        'voucher',
        side,
        VOUCHERS,
        {
          ann: (db: pg.Pool) => redeem[side](db, 'TEN', 'ann', 'o1'),
          bob: (db: pg.Pool) => redeem[side](db, 'TEN', 'bob', 'o2'),
        },
        'SELECT code FROM vouchers WHERE uses_left < 0',
      ),
  },
  {
    task: 'voucher',
    asks: 'One customer twice at once (a double click)',
    holds: (side) =>
      verdictOf(
        'voucher',
        side,
        VOUCHERS.replace(`'TEN', 1`, `'TEN', 9`),
        {
          click: (db: pg.Pool) => redeem[side](db, 'TEN', 'ann', 'o1'),
          again: (db: pg.Pool) => redeem[side](db, 'TEN', 'ann', 'o1'),
        },
        'SELECT 1 FROM redemptions GROUP BY code, customer_id HAVING count(*) > 1',
      ),
  },
  {
    task: 'voucher',
    asks: 'The answer is lost and the request is sent again: the same answer',
    holds: (side) =>
      inDatabase('voucher', side, VOUCHERS, async (db) => {
        const first = await redeem[side](db, 'TEN', 'ann', 'o1')
        const second = await redeem[side](db, 'TEN', 'ann', 'o1')
        return JSON.stringify(first) === JSON.stringify(second)
      }),
  },
  {
    task: 'voucher',
    asks: 'The commit fails: nobody was told of a discount that is not there',
    holds: (side, called) =>
      inDatabase('voucher', side, VOUCHERS, async (db) => {
        await assert.rejects(async () => redeem[side](dyingAt(db, 'COMMIT'), 'TEN', 'ann', 'o1'))
        return (await count(db, 'redemptions')) === 0 && called.length === 0
      }),
  },
  {
    task: 'voucher',
    asks: 'An order of somebody else gets no discount',
    holds: (side) =>
      inDatabase('voucher', side, VOUCHERS, async (db) => {
        await redeem[side](db, 'TEN', 'ann', 'o2')
        return (await count(db, `orders WHERE discount_minor > 0`)) === 0
      }),
  },
  {
    task: 'webhook',
    asks: 'The same event twice at once is booked once',
    holds: (side) =>
      verdictOf(
        'webhook',
        side,
        ORDERS,
        {
          first: (db: pg.Pool) => paymentSucceeded[side](db, EVENT),
          again: (db: pg.Pool) => paymentSucceeded[side](db, EVENT),
        },
        'SELECT order_id FROM ledger_entries GROUP BY 1 HAVING count(*) > 1',
      ),
  },
  {
    task: 'webhook',
    asks: 'A crash between paid and booked, then the event again: booked',
    holds: (side) =>
      inDatabase('webhook', side, ORDERS, async (db) => {
        const dying = dyingAt(db, 'INSERT INTO ledger_entries')
        await assert.rejects(async () => paymentSucceeded[side](dying, EVENT))
        await paymentSucceeded[side](db, EVENT)
        return (await count(db, 'ledger_entries')) === 1
      }),
  },
  {
    task: 'webhook',
    asks: 'The mail service is down: the mail is not lost',
    holds: (side, called) =>
      inDatabase('webhook', side, ORDERS, async (db) => {
        await paymentSucceeded[side](db, EVENT)
        return called.length === 0 && (await count(db, 'outbox')) === 1
      }),
  },
  {
    task: 'webhook',
    asks: 'A body that is written in another way than ours (`5.0`) is verified',
    async holds(side) {
      const body = Buffer.from('{"id":"e1", "amountMinor":5.0}')
      const signature = createHmac('sha256', 'key').update(body).digest('hex')
      return side === 'with'
        ? webhookWith.isSigned(body, signature, 'key')
        : webhookWithout.isSigned(JSON.parse(String(body)), signature, 'key')
    },
  },
  {
    task: 'webhook',
    asks: 'A payment for an order that is not known is refused or kept for a person',
    holds: (side) =>
      inDatabase('webhook', side, ORDERS, async (db) => {
        const unknown = { ...EVENT, orderId: 'o9' }
        return paymentSucceeded[side](db, unknown).then(
          () => false,
          () => true,
        )
      }),
  },
]

async function findingsOf(task: string, side: Side): Promise<readonly Finding[]> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-trial-'))
  try {
    cpSync(join(import.meta.dirname, task, side), folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "dependencies": { "express": "5", "pg": "8" } }')
    return (await review({ root: folder })).findings
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const FILES = ['app.ts', 'payment.ts', 'redeem.ts', 'relay.ts', 'transaction.ts']

function linesOf(task: string, side: Side): number {
  const files = FILES.map((file) => join(import.meta.dirname, task, side, file))
  const texts = files.filter(existsSync).map((file) => readFileSync(file, 'utf8'))
  return texts.join('').split('\n').length - 1
}

describe('two tasks, done with and without the skill', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/guides/skill.md'), 'utf8')
  const own = globalThis.fetch
  const called: string[] = []
  before(() => {
    globalThis.fetch = async (url) => {
      called.push(String(url))
      return new Response('{}')
    }
  })
  after(() => {
    globalThis.fetch = own
  })

  for (const { task, asks, holds } of questions)
    test(`${task}: ${asks}`, async () => {
      const answers: string[] = []
      for (const side of sides) {
        called.length = 0
        answers.push((await holds(side, called)) ? 'holds' : '**breaks**')
      }
      const row = `| ${task} | ${asks} | ${answers.join(' | ')} |`
      assert.ok(page.includes(row), `The page does not say:\n${row}`)
    })

  for (const task of ['voucher', 'webhook'])
    test(`${task}: lines, and what holdfast review finds`, async () => {
      for (const side of sides) {
        const row = new RegExp(
          `^\\| ${task}, ${side} \\| ${linesOf(task, side)} \\| (.*) \\|$`,
          'm',
        )
        const said = row.exec(page)?.[1] ?? assert.fail(`The page has no row ${row}`)
        const findings = await findingsOf(task, side)
        for (const [, rule] of said.matchAll(/`([\w-]+)`/g))
          assert.ok(
            findings.some((finding) => finding.rule === rule),
            `${rule} is not found`,
          )
        if (said === 'nothing at level error')
          assert.deepEqual(
            findings.filter(({ level }) => level === 'error'),
            [],
          )
      }
    })
})
