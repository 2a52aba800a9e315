/** Operations of an app race as their own code and everything around it does. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { call, scenario } from '../../../src/prove/app/scenario.ts'
import { Arenas } from '../../../src/prove/arena/arenas.ts'
import { exploreRace } from '../../../src/prove/explore-race.ts'
import type { Race } from '../../../src/prove/race.ts'
import { testServer } from '../../../src/testing/test-database.ts'
import { app, seed, Withdraw, WithdrawGuarded, WithdrawLoosely } from './bank.ts'

let arenas: Arenas
before(async () => {
  arenas = new Arenas(await testServer())
})
after(() => arenas.close())

const invariants = {
  'no account is overdrawn': 'SELECT * FROM accounts WHERE balance < 0',
  'the books balance': `SELECT a.id FROM accounts a LEFT JOIN withdrawals w ON w.account_id = a.id
     GROUP BY a.id, a.balance HAVING a.balance + coalesce(sum(w.amount), 0) <> 100`,
}

function withdrawals(operation: typeof Withdraw, accounts: [number, number], key?: string): Race {
  const take = (account: number) =>
    call(operation, { account, amount: 70 }, { tenant: 'acme', ...(key && { key }) })
  const run = { one: take(accounts[0]), two: take(accounts[1]) }
  return scenario({ app, seed, run, invariants })
}

const explore = (race: Race) => exploreRace(race, { arenas })

test('a check at READ COMMITTED is lost', async () => {
  const verdict = await explore(withdrawals(WithdrawLoosely, [1, 1]))
  assert.equal(verdict.verdict, 'VIOLATION', JSON.stringify(verdict))
  assert.equal(verdict.findings[0].class, 'lost-update')
})

test('the same holds when it is SERIALIZABLE, retries included', async () => {
  const verdict = await explore(withdrawals(Withdraw, [1, 1]))
  assert.equal(verdict.verdict, 'CERTIFIED', JSON.stringify(verdict))
})

test('and when the check is in the write', async () => {
  const verdict = await explore(withdrawals(WithdrawGuarded, [1, 1]))
  assert.equal(verdict.verdict, 'CERTIFIED', JSON.stringify(verdict))
})

test('commands over different rows', async () => {
  const verdict = await explore(withdrawals(Withdraw, [1, 2]))
  assert.equal(verdict.verdict, 'CERTIFIED', JSON.stringify(verdict))
})

test('one key, asked for twice at the same time', async () => {
  const verdict = await explore(withdrawals(Withdraw, [1, 1], 'same'))
  assert.equal(verdict.verdict, 'CERTIFIED', JSON.stringify(verdict))
})
