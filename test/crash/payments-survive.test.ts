/** The short form of the storm; payments-campaign.ts says how to run the long one. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { runPaymentsCampaign } from './payments-campaign.ts'

test('payments survive: charged at most once, none undecided, both ledgers agree', async (t) => {
  const seed = randomInt(2 ** 31)
  t.diagnostic(`seed ${seed}`)
  const options = { orders: 48, clients: 8, kills: 3, seed, timeoutMs: 100_000 }
  const report = await runPaymentsCampaign(options)
  t.diagnostic(JSON.stringify(report))
  assert.deepEqual(report.violations, [])
  assert.deepEqual(report.kills, { shop: 1, helper: 1, provider: 1 })
  for (const end of ['captured', 'declined']) assert.ok(report.ends[end], end)
  assert.ok((report.ends.voided ?? 0) + (report.ends.refunded ?? 0) > 0, 'some were cancelled')
})
