import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fewestRows } from './fewest-rows.ts'

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

test('what is needed stays, and of up to eight rows nothing else', async () => {
  const sizes = fc.integer({ min: 1, max: 8 })
  const cases = sizes.chain((size) => fc.tuple(fc.constant(size), fc.subarray(upTo(size))))
  await fc.assert(
    fc.asyncProperty(cases, async ([size, needed]) => {
      const does = async (rows: readonly number[]) => needed.every((row) => rows.includes(row))
      assert.deepEqual(await fewestRows(upTo(size), does), needed)
    }),
  )
})

test('of many it keeps what it had no time to try, and asks no more than it may', async () => {
  let asked = 0
  const kept = await fewestRows(upTo(1_000), async (rows) => {
    asked++
    return rows.includes(7) && rows.includes(993)
  })
  assert.ok(kept.includes(7) && kept.includes(993) && kept.length < 100, `${kept.length}`)
  assert.equal(asked, 24)
})
