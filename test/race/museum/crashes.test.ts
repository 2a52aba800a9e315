/** The snippets that no interleaving breaks, and a crash, a lost answer or a second delivery does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crash } from '../../../src/prove/crash/crash.ts'
import { exploreCrashes } from '../../../src/prove/crash/explore-crashes.ts'
import { testServer } from '../../../src/testing/test-database.ts'
import { type CrashTwins, crashDefinition } from './crash-twins.ts'
import { deliveries } from './deliveries.ts'
import { processes } from './processes.ts'
import { requests } from './requests.ts'

const twinsByTitle: Readonly<Record<string, CrashTwins>> = {
  ...requests,
  ...processes,
  ...deliveries,
}

/** These show each part of a program; `bench/prove.ts` certifies all of them. */
const CERTIFIED_HERE = ['naive retry loop', 'charge before the record', 'the last message wins']

async function explore(twins: CrashTwins, form: 'broken' | 'fixed') {
  const server = await testServer()
  return exploreCrashes(crash(crashDefinition(twins, form)), { server })
}

for (const [title, twins] of Object.entries(twinsByTitle))
  test(`${title}: broken`, async () => {
    const verdict = await explore(twins, 'broken')
    assert.equal(verdict.verdict, 'VIOLATION')
  })

for (const title of CERTIFIED_HERE)
  test(`${title}: fixed`, async () => {
    const verdict = await explore(twinsByTitle[title] as CrashTwins, 'fixed')
    assert.equal(verdict.verdict, 'CERTIFIED', JSON.stringify(verdict))
    assert.ok(verdict.runs > verdict.boundaries.length * 3)
  })

test('a program that waits for something else is told so', async () => {
  const silent = new Promise(() => {})
  const stuck = await exploreCrashes(
    crash({ schema: 'CREATE TABLE t ()', boot: () => ({ request: () => silent }) }),
    { server: await testServer() },
  )
  assert.equal(stuck.verdict, 'INCONCLUSIVE')
})

test('a program that breaks its own rules undisturbed is told so', async () => {
  const verdict = await exploreCrashes(
    crash({
      schema: 'CREATE TABLE t (n int)',
      invariants: { 'nothing is there': 'SELECT * FROM t' },
      boot: () => ({ request: (db) => db.query('INSERT INTO t VALUES (1)') }),
    }),
    { server: await testServer() },
  )
  assert.equal(verdict.verdict, 'INCONCLUSIVE')
})
