import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crossedInput, greedierInputs, smallerInputs, withValue } from './other-inputs.ts'

const row = (table: string, values: Record<string, unknown>) => ({ table, values })

test('as much as the row that it names has, and one more', () => {
  const till = row('tills', { id: 'a', cents: 70, name: 'till' })
  assert.deepEqual(greedierInputs({ till: 'a', cents: 1 }, [till]), [
    { input: { till: 'a', cents: 70 }, more: { till: 'a', cents: 71 } },
  ])
  assert.deepEqual(greedierInputs({ till: 'a', cents: 100 }, [till]), [])
})

test('the same rows in the other order', () => {
  const lines = [{ sku: 'A' }, { sku: 'B' }]
  assert.deepEqual(crossedInput({ lines }, []), { lines: [{ sku: 'B' }, { sku: 'A' }] })
  const [a, b] = [row('tills', { id: 'a' }), row('tills', { id: 'b' })]
  const refs = [
    { path: ['from'], table: 'tills', row: a },
    { path: ['to'], table: 'tills', row: b },
  ]
  assert.deepEqual(crossedInput({ from: 'a', to: 'b' }, refs), { from: 'b', to: 'a' })
  assert.equal(crossedInput({ from: 'a' }, refs.slice(0, 1)), undefined)
})

test('every step to a smaller input ends', () => {
  const start = { a: { b: ['text', 12], c: true }, d: -5, e: null }
  let input: unknown = start
  let steps = 0
  for (; steps < 200; steps++) {
    const [next] = smallerInputs(input)
    if (next === undefined) break
    input = next
  }
  assert.deepEqual(input, {})
  const one = smallerInputs({ n: 9 }).map((value) => (value as { n?: number }).n)
  assert.deepEqual(one, [undefined, 0, 1, 4, 8])
})

test('a value is set where its path leads, or left out', () => {
  const input = { a: [{ b: 1 }, { b: 2 }] }
  assert.deepEqual(withValue(input, ['a', 1, 'b'], 3), { a: [{ b: 1 }, { b: 3 }] })
  assert.deepEqual(withValue(input, ['a', 0], undefined), { a: [{ b: 2 }] })
  assert.deepEqual(withValue(input, ['a', 0, 'b'], undefined), { a: [{}, { b: 2 }] })
})
