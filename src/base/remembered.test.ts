import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Remembered } from './remembered.ts'

test('what fits is made once; more of them, and very long ones, each time', () => {
  let made = 0
  const lengths = new Remembered(2, (text) => {
    made += 1
    return text.length
  })
  const long = 'x'.repeat(20_001)
  for (const text of [long, 'a', 'bb', 'ccc', long, 'a', 'bb', 'ccc']) {
    assert.equal(lengths.of(text), text.length)
  }
  assert.equal(made, 6)
})
