/** The short form of the campaign; campaign.ts says how to run the long one. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { runCampaign, shortcomings } from './campaign.ts'

test('orders survive kills: each key takes effect once, each retry gets the same bytes', async (t) => {
  const seed = randomInt(2 ** 31)
  t.diagnostic(`seed ${seed}`)
  const options = { orders: 600, clients: 16, kills: 5, seed, hurry: true, timeoutMs: 120_000 }
  const report = await runCampaign(options)
  t.diagnostic(JSON.stringify(report))
  assert.deepEqual(shortcomings(report, options), [])
  assert.ok(report.placed > 500 && report.refused > 0, 'both outcomes occur')
})
