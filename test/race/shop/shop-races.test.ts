/**
 * Commands, jobs and subscriptions of the shop race with themselves and with those that write a table
 * of theirs. The first schedules of each pair run here, and none may break anything;
 * `npm run bench:proof -- --only shop` goes to the end.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Arenas } from '../../../src/prove/arena/arenas.ts'
import { exploreRace } from '../../../src/prove/explore-race.ts'
import type { Race } from '../../../src/prove/race.ts'
import { verdictText } from '../../../src/prove/report/verdict-text.ts'
import type { Verdict } from '../../../src/prove/verdict.ts'
import { testServer } from '../../../src/testing/test-database.ts'
import { raced, races } from './shop-races.ts'
import { writers } from './writers.ts'

/** Those with few preemptions come first: most of what can be found is found in the first dozen. */
const SCHEDULES_MAX = 12

/** Commands that have no caller but another one, in whose transaction they run. */
const INSIDE: Readonly<Record<string, string>> = {
  'catalog.reserve-stock': 'ordering.place-order',
  'catalog.return-stock': 'ordering.cancel-order',
  'fraud.look-at-buyer': 'ordering.place-order',
  'fraud.assess-order': 'ordering.place-order',
  'notifications.record-mail': 'notifications.send-confirmation',
  'ordering.begin-payment': 'payments.pay-order',
  'ordering.note-payment': 'payments.receive-webhook',
  'ordering.release-order': 'fraud.approve-order',
  'ordering.ship-order': 'shipping.create-shipment',
  'payments.follow-up': 'payments.reconcile-payment',
  'payments.note-provider-state': 'payments.receive-webhook',
}

let arenas: Arenas
before(async () => {
  arenas = new Arenas(await testServer())
})
after(() => arenas.close())

const explore = (race: Race) => exploreRace({ ...race, schedulesMax: SCHEDULES_MAX }, { arenas })

function isDecided(verdict: Verdict): boolean {
  return (
    verdict.verdict !== 'INCONCLUSIVE' ||
    verdict.reason.includes(`schedulesMax is ${SCHEDULES_MAX}`)
  )
}

for (const [name, race] of Object.entries(races))
  test(name, async () => {
    const first = await explore(race)
    // A machine with too much to do may leave one undecided once.
    const verdict = isDecided(first) ? first : await explore(race)
    assert.notEqual(verdict.verdict, 'VIOLATION', verdictText(verdict, { name, cwd: '.' }))
    assert.ok(isDecided(verdict), 'reason' in verdict ? verdict.reason : '')
  })

test('each command, job and subscription of the shop races, or runs inside of one that does', () => {
  const missing = writers.filter((name) => !raced.has(name) && !raced.has(INSIDE[name] ?? ''))
  assert.deepEqual(missing, [], 'add a pair to shop-races.ts')
  const idle = Object.keys(INSIDE).filter((name) => raced.has(name) || !writers.includes(name))
  assert.deepEqual(idle, [], 'these need no exception')
})
