/** An app that is cut off at its turning points does each thing once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { appCrash } from '../../../src/prove/app/app-crash.ts'
import { openApp } from '../../../src/prove/app/open-app.ts'
import { Arena } from '../../../src/prove/arena/arena.ts'
import { testServer } from '../../../src/testing/test-database.ts'
import { app, seed, WithdrawGuarded } from './bank.ts'

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
    request: (opened) => opened.execute(WithdrawGuarded, { account: 1, amount: 20 }, asking),
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
