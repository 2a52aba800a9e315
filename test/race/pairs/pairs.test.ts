/** With nothing written: a planted race is found, its sound twin is certified, and what cannot be drawn is told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { sql } from '../../../src/database/sql.ts'
import { holdfast } from '../../../src/operation/builder.ts'
import { defineCommand } from '../../../src/operation/contract.ts'
import { conflict } from '../../../src/operation/problem.ts'
import { explorePairs } from '../../../src/prove/pairs/explore-pairs.ts'
import type { ExploredPair } from '../../../src/prove/pairs/explored-pair.ts'
import { pairs } from '../../../src/prove/pairs/pairs.ts'
import { testServer } from '../../../src/testing/test-database.ts'
import { racy, sound } from './tills.ts'

const server = await testServer()

const inputsOf = ({ run }: ExploredPair) => Object.values(run).map(({ input }) => input)

test('a race is found with nothing written, on inputs and rows that are no more than it needs', async () => {
  const [found, ...others] = await explorePairs(pairs({ app: racy }), {
    server,
    only: 'takeOutTwice',
  })
  assert.deepEqual(others, [])
  assert.equal(found?.verdict.verdict, 'VIOLATION', JSON.stringify(found?.verdict))
  assert.equal(found.verdict.findings[0].class, 'lost-update')
  const [one, again] = inputsOf(found) as { till: string; cents: number }[]
  assert.deepEqual(one, again)
  assert.deepEqual(Object.keys(one ?? {}), ['till', 'cents'], 'what may be left out is left out')
  assert.equal(one?.cents, 1)
  assert.equal(String(found.seed).match(/INSERT INTO/g)?.length, 1, String(found.seed))
  const who = Object.values(found.run).map(({ asking }) => asking.roles)
  assert.deepEqual(who, [['cashier'], ['cashier']], 'a caller that the rule lets pass')
})

test('the sound twin is certified: each command with itself and with those that share a table', async () => {
  const seen: string[] = []
  const explored = await explorePairs(pairs({ app: sound }), {
    server,
    onPair: ({ name }) => seen.push(name),
  })
  assert.deepEqual(
    explored.map(({ name, verdict }) => `${name} ${verdict.verdict}`),
    [
      'openTillTwice CERTIFIED',
      'takeOutTwice CERTIFIED',
      'renameTillTwice CERTIFIED',
      'putUpTwice CERTIFIED',
      'openTillWithTakeOut CERTIFIED',
      'openTillWithRenameTill CERTIFIED',
      'takeOutWithRenameTill CERTIFIED',
    ],
  )
  assert.deepEqual(
    seen,
    explored.map(({ name }) => name),
  )
  const [taken, renamed] = inputsOf(explored.at(-1) as ExploredPair) as { till: string }[]
  assert.equal(taken?.till, renamed?.till, 'both work on the same row')
})

test('a command that accepts nothing is undecided, and says what it was answered and what to do', async () => {
  const app = grumpy()
  const explored = await explorePairs(pairs({ app }), { server })
  const [verdict] = explored.map(({ verdict }) => verdict)
  assert.equal(explored.length, 1)
  assert.equal(verdict?.verdict, 'INCONCLUSIVE')
  assert.match(
    verdict.reason,
    /No input was accepted in \d+ tries; the last answer was: 409 closed: Closed\. Add rows to the seed, an example to the contract, or export a scenario/,
  )
})

test('nobody who may is undecided too, and a command may be left out', async () => {
  const app = grumpy(() => false)
  const [nobody] = await explorePairs(pairs({ app }), { server })
  assert.match(JSON.stringify(nobody?.verdict), /No caller was found that its rule lets pass/)
  assert.deepEqual(await explorePairs(pairs({ app, except: ['shop.order'] }), { server }), [])
})

test('where rows belong to somebody, it is they who ask', async () => {
  const tills = holdfast<{ db: Record<never, never> }>()
  const Mine = defineCommand({
    name: 'tills.rename-mine',
    input: z.object({ till_id: z.uuid() }),
    output: z.object({}),
    problems: { notYours: conflict('Not yours') },
  })
  const mine = tills.handle(Mine, {
    allow: () => true,
    async run({ input, tx, scope, fail }) {
      const renamed = await tx.query(sql`UPDATE tills SET name = 'mine'
        WHERE id = ${input.till_id} AND owner_id = ${scope.principal.id} RETURNING id`)
      if (renamed.length === 0) throw fail.notYours()
      return {}
    },
  })
  const module = tills.defineModule({
    name: 'tills',
    migrations: new URL('./migrations/', import.meta.url),
  })
  const app = tills.defineApp({ modules: [{ module, mine }] })
  const seed = `SELECT set_config('holdfast.tenant', 'acme', false);
    INSERT INTO tills (id, name, cents, owner_id)
    VALUES ('01970000-0000-7000-8000-000000000001', 'till', 1, 'bob')`
  const [found] = await explorePairs(pairs({ app, seed }), { server })
  assert.equal(found?.verdict.verdict, 'CERTIFIED', JSON.stringify(found?.verdict))
  const who = Object.values(found.run).map(({ asking }) => asking.principal)
  assert.deepEqual(who, ['bob', 'bob'])
})

test('a seed that is no sum of its rows is taken as it was given', async () => {
  const shelf = holdfast<{ db: Record<never, never> }>()
  const Rename = defineCommand({
    name: 'shelf.rename-item',
    input: z.object({ item: z.int(), name: z.string().max(9) }),
    output: z.object({}),
    problems: { noSuchItem: conflict('No such item') },
  })
  const rename = shelf.handle(Rename, {
    allow: () => true,
    async run({ input, tx, fail }) {
      const renamed = await tx.query(
        sql`UPDATE items SET name = ${input.name} WHERE id = ${input.item} RETURNING id`,
      )
      if (renamed.length === 0) throw fail.noSuchItem()
      return {}
    },
  })
  const migrations = new URL('./logged/', import.meta.url)
  const module = shelf.defineModule({ name: 'shelf', migrations })
  const app = shelf.defineApp({ modules: [{ module, rename }] })
  const seed = `SELECT set_config('holdfast.tenant', 'acme', false);
    INSERT INTO items (id, name) VALUES (70, 'lamp')`
  const [found] = await explorePairs(pairs({ app, seed }), { server })
  assert.equal(found?.verdict.verdict, 'CERTIFIED', JSON.stringify(found?.verdict))
  assert.equal(found.seed, seed, 'a trigger has added a row, and would again')
  const stopped = await explorePairs(pairs({ app, seed }), { server, signal: AbortSignal.abort() })
  assert.match(JSON.stringify(stopped[0]?.verdict), /Interrupted/)
})

test('a budget that is used up leaves the rest undecided', async () => {
  const explored = await explorePairs(pairs({ app: sound }), { server, budgetMs: 1 })
  assert.equal(explored.length, 7)
  assert.match(JSON.stringify(explored[0]?.verdict), /The budget of 1 ms is used up/)
})

function grumpy(allow = () => true) {
  const shop = holdfast<{ db: Record<never, never> }>()
  const Order = defineCommand({
    name: 'shop.order',
    input: z.object({ count: z.int() }),
    output: z.object({}),
    problems: { closed: conflict('Closed') },
  })
  const order = shop.handle(Order, {
    allow,
    async run({ fail }) {
      throw fail.closed()
    },
  })
  return shop.defineApp({ modules: [{ module: shop.defineModule({ name: 'shop' }), order }] })
}
