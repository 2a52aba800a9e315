/**
 * With nothing written but a seed, the commands of the shop are paired and drawn for. The pairs are
 * explored by `holdfast prove` in its folder, and by `npm run bench:proof -- --only pairs`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../../../example/shop/prove.ts'
import { explorePairs } from '../../../src/prove/pairs/explore-pairs.ts'
import { testServer } from '../../../src/testing/test-database.ts'

test('an input is found for each command of the shop, but for the one whose input is a stream', async () => {
  const explored = await explorePairs(commands, { server: await testServer(), budgetMs: 1 })
  const undrawn = explored.filter(({ run }) => Object.keys(run).length === 0)
  assert.deepEqual(
    undrawn.map(({ name }) => name),
    ['importProducts'],
    JSON.stringify(undrawn),
  )
  const names = explored.map(({ name }) => name)
  for (const name of ['placeOrderTwice', 'reserveStockCrosswise', 'cancelOrderWithPayOrder'])
    assert.ok(names.includes(name), `${name} is not among ${names.join(', ')}`)
  assert.ok(!names.includes('addBlockWithPayOrder'), 'which have no table in common')
  assert.ok(names.length > 100)
})
