import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closest, didYouMean } from './did-you-mean.ts'

test('slips of the hand are recognised, other words are not', () => {
  const names = ['quantity', 'sku', 'note', 'attemptsMax']
  assert.equal(closest('quantty', names), 'quantity')
  assert.equal(closest('qunatity', names), 'quantity')
  assert.equal(closest('attemptsmax', names), 'attemptsMax')
  assert.equal(closest('sk', names), 'sku')
  assert.equal(closest('price', names), undefined)
  assert.equal(closest('x'.repeat(100), names), undefined)
  assert.equal(didYouMean('notes', names), '; did you mean "note"?')
  assert.equal(didYouMean('zzz', names), '')
})
