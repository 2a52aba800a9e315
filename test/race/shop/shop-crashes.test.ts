/**
 * Each command of the shop dies at its turning points, and so do the jobs and subscriptions that follow
 * it: at the COMMIT of each kind of transaction and at each call to the outside, once in the whole
 * shop. `npm run bench:proof -- --only shop-crashes` tries more.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import pg from 'pg'
import { type Crash, crash } from '../../../src/prove/crash/crash.ts'
import { exploreCrashes, SAMPLED } from '../../../src/prove/crash/explore-crashes.ts'
import type { CrashInconclusive } from '../../../src/prove/crash/verdict.ts'
import { verdictText } from '../../../src/prove/report/verdict-text.ts'
import { testServer } from '../../../src/testing/test-database.ts'
import { shopCrashes } from './shop-crashes.ts'
import { subscribersOf, writers } from './writers.ts'

/** In the whole shop. */
const tried = new Set<string>()
/** Operations, jobs and events, by what was there in the end and not before. */
const ran = new Set<string>()

const WHAT_RAN = `SELECT id::text, operation AS name FROM holdfast.audit_entries
  UNION SELECT id::text, name FROM holdfast.job_history UNION SELECT id::text, name FROM holdfast.events`

async function whatRan(connectionString: string): Promise<{ id: string; name: string }[]> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    await client.query('SET ROLE holdfast_backup')
    return (await client.query(WHAT_RAN)).rows
  } finally {
    await client.end()
  }
}

/** The same program, and a look at what it does. */
function noted(program: Crash): Crash {
  const before = new Set<string>()
  const { seed, invariants } = program
  return crash({
    ...program,
    async seed(url) {
      if (typeof seed === 'function') await seed(url)
      for (const { id } of await whatRan(url)) before.add(id)
    },
    invariants: {
      ...invariants,
      'what has run is noted': async (db) => {
        const { rows } = await db.query<{ id: string; name: string }>(WHAT_RAN)
        for (const { id, name } of rows) if (!before.has(id)) ran.add(name)
        return undefined
      },
    },
  })
}

for (const [name, program] of Object.entries(shopCrashes))
  test(name, async () => {
    const options = { server: await testServer(), turningPoints: tried }
    const verdict = await exploreCrashes(noted(program), options)
    assert.equal(verdict.verdict, 'INCONCLUSIVE', verdictText(verdict, { name, cwd: '.' }))
    const { reason } = verdict as CrashInconclusive
    assert.ok(reason.startsWith(SAMPLED), reason)
  })

test('each command, job and subscription of the shop has died', () => {
  const all = new Set([...ran, ...subscribersOf(ran)])
  assert.deepEqual(
    writers.filter((name) => !all.has(name)),
    [],
    'add a program to shop-crashes.ts',
  )
})

after(() => process.stdout.write(`${tried.size} turning points\n`))
