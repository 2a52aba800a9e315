/** An app that is cut off at its turning points does each thing once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { appCrash } from '../../../src/prove/app/app-crash.ts'
import { openApp } from '../../../src/prove/app/open-app.ts'
import { call } from '../../../src/prove/app/scenario.ts'
import { Arena } from '../../../src/prove/arena/arena.ts'
import type { CrashWorld } from '../../../src/prove/crash/crash.ts'
import { exploreCrashes } from '../../../src/prove/crash/explore-crashes.ts'
import type { CrashInconclusive } from '../../../src/prove/crash/verdict.ts'
import { testServer } from '../../../src/testing/test-database.ts'
import { app, Say, seed, WithdrawGuarded } from './bank.ts'

const asking = { tenant: 'acme', key: 'k1' }
const teller = { tell: async () => {} }

test('whoever has filled the database holds nothing any more, and nothing becomes due by itself', async () => {
  const begun = appCrash({
    app,
    async seed(url: string) {
      const pool = new pg.Pool({ connectionString: url })
      try {
        const client = await pool.connect()
        await client.query(seed)
        client.release()
        const opened = openApp({ app, pool, services: { teller } })
        await opened.execute(WithdrawGuarded, { account: 1, amount: 10 }, asking)
        await opened.relayOnce()
        await pool.query(
          "SET ROLE holdfast_loops; UPDATE holdfast.jobs SET run_at = now() + interval '1 minute'; RESET ROLE",
        )
      } finally {
        await pool.end()
      }
    },
    request: call(WithdrawGuarded, { account: 1, amount: 20 }, asking),
  })
  const arena = await Arena.open(begun, await testServer())
  try {
    const { rows: leases } = await arena.control.query(
      'SELECT holder, lease_until FROM holdfast.subscriptions',
    )
    assert.deepEqual(leases, [{ holder: null, lease_until: null }])
    const { rows: jobs } = await arena.control.query(
      "SELECT run_at > now() + interval '1 year' AS later FROM holdfast.jobs",
    )
    assert.deepEqual(jobs, [{ later: true }])
  } finally {
    await arena.close()
  }
})

const said = (once: boolean) =>
  appCrash({
    app,
    seed,
    services: (world: CrashWorld) => ({
      teller: {
        tell: (account: number) =>
          once
            ? world.effectOnce('told', { key: String(account) })
            : world.effect('told', { key: String(account) }),
      },
    }),
    request: call(Say, { account: 1 }, { tenant: 'acme' }),
  })

test('a job that is cut off behind its call makes it again', async () => {
  const verdict = await exploreCrashes(said(false), { server: await testServer() })
  assert.equal(verdict.verdict, 'VIOLATION', JSON.stringify(verdict))
  const [finding] = 'findings' in verdict ? verdict.findings : []
  assert.equal(finding?.class, 'done-twice')
  assert.equal(finding?.fault?.at, 'told 1')
})

test('and does no harm where the other side knows it', async () => {
  const tried = new Set<string>()
  const options = { server: await testServer(), turningPoints: tried }
  const verdict = await exploreCrashes(said(true), options)
  assert.match((verdict as CrashInconclusive).reason, /at COMMITs and calls/)
  assert.ok(tried.has('call told 1'), [...tried].join('; '))
  const again = await exploreCrashes(said(true), options)
  assert.equal(again.runs, 2, 'what was tried before is not tried again')
})

test('what an app crash may say is checked', () => {
  const definition = { app, request: call(Say, { account: 1 }, asking), sed: seed }
  assert.throws(() => appCrash(definition), /sed/)
  const request = call({ ...Say, name: 'bank.sey' }, { account: 1 }, asking)
  assert.throws(() => appCrash({ app, request }), /bank\.sey/)
})
