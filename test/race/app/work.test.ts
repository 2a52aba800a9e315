/** Jobs and deliveries of an app race with its commands, and with themselves. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { call, type ScenarioDefinition, scenario } from '../../../src/prove/app/scenario.ts'
import { deliver, runJob } from '../../../src/prove/app/work.ts'
import { Arenas } from '../../../src/prove/arena/arenas.ts'
import { exploreRace } from '../../../src/prove/explore-race.ts'
import type { RaceWorld } from '../../../src/prove/race.ts'
import type { Verdict } from '../../../src/prove/verdict.ts'
import { testServer } from '../../../src/testing/test-database.ts'
import {
  AddInterest,
  AddInterestInPlace,
  app,
  seed,
  Tell,
  takeFee,
  WithdrawGuarded,
  Withdrawn,
} from './bank.ts'

let arenas: Arenas
before(async () => {
  arenas = new Arenas(await testServer())
})
after(() => arenas.close())

const tenant = 'acme'
const payload = { account: 1 }
const withdraw = call(WithdrawGuarded, { account: 1, amount: 70 }, { tenant })
const interest = runJob(AddInterest, payload, { tenant })
const inPlace = runJob(AddInterestInPlace, payload, { tenant })
const fee = deliver(Withdrawn, payload, { tenant, to: takeFee })
const tell = runJob(Tell, payload, { tenant })

/** Who tells is heard each time, or known by what is told. */
const heard = (world: RaceWorld) => ({
  teller: { tell: (account: number) => world.effect('told', { key: String(account) }) },
})
const known = (world: RaceWorld) => ({
  teller: {
    tell: (account: number) =>
      world.call('tell', (remembered) => void remembered.set(String(account), 'told')),
  },
})

const balanceIs = (...sums: number[]) => ({
  'the balance is what was done': `SELECT id, balance FROM accounts
    WHERE id = 1 AND balance NOT IN (${[100, ...sums].join()})`,
})

type Parts = Pick<ScenarioDefinition, 'run'> & Partial<ScenarioDefinition>

function explore(parts: Parts): Promise<Verdict> {
  return exploreRace(scenario({ app, seed, ...parts }), { arenas })
}

async function certified(parts: Parts): Promise<void> {
  const verdict = await explore(parts)
  assert.equal(verdict.verdict, 'CERTIFIED', JSON.stringify(verdict))
}

async function violated(parts: Parts): Promise<string> {
  const verdict = await explore(parts)
  assert.equal(verdict.verdict, 'VIOLATION', JSON.stringify(verdict))
  return verdict.verdict === 'VIOLATION' ? verdict.findings[0].class : ''
}

test('a job that computes from what it has read loses a withdrawal', async () => {
  assert.equal(await violated({ run: { interest, withdraw } }), 'lost-update')
})

test('one that adds where it stands loses none', () =>
  certified({ run: { inPlace, withdraw }, invariants: balanceIs(30, 110, 40) }))

test('a job that two workers have is done once', () =>
  certified({
    run: { one: inPlace, two: inPlace },
    invariants: balanceIs(110),
    preemptionsMax: 2,
  }))

test('an event that is delivered twice is handled once', () =>
  certified({ run: { one: fee, two: fee }, invariants: balanceIs(99) }))

test('an event that is handled beside a withdrawal', () =>
  certified({ run: { fee, withdraw }, invariants: balanceIs(99, 30, 29) }))

test('what two workers tell outside is heard twice', async () => {
  assert.equal(await violated({ run: { one: tell, two: tell }, services: heard }), 'double-effect')
})

test('the second worker makes another attempt, and the first may be at it still', () => {
  const services = (world: RaceWorld) => ({
    teller: {
      tell: (account: number, attempt: number) =>
        world.effect('told', { key: `${account}, attempt ${attempt}` }),
    },
  })
  return certified({ run: { one: tell, two: tell }, services, preemptionsMax: 1 })
})

test('and once by somebody who knows it', () =>
  certified({ run: { one: tell, two: tell }, services: known, preemptionsMax: 1 }))

test('a subscription is at one event at a time', () => {
  const other = deliver(Withdrawn, { account: 2 }, { tenant, to: takeFee })
  assert.throws(() => scenario({ app, seed, run: { fee, other } }), /takes one after the other/)
})

test('what the app has no handler for is named', () => {
  const late = deliver(Withdrawn, payload, { tenant, to: { name: 'bank.nobody' } })
  assert.throws(() => scenario({ app, seed, run: { late, withdraw } }), /run\.late.*bank\.nobody/)
  const typo = call(
    { ...WithdrawGuarded, name: 'bank.withdrew' },
    { account: 1, amount: 1 },
    { tenant },
  )
  assert.throws(() => scenario({ app, seed, run: { typo, withdraw } }), /run\.typo.*bank\.withdrew/)
})
