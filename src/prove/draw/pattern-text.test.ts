import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { SeededRandom } from '../../base/seeded-random.ts'
import { patternPrefix, patternText } from './pattern-text.ts'

const PATTERNS = [
  '^ord_[0-9a-f]{32}$',
  '^[A-Z0-9][A-Z0-9._-]{0,63}$',
  '^src_[a-z0-9_]{1,60}$',
  '^[a-z-]+\\/[0-9a-f-]{36}$',
  '^(?:a|b\\.c){2,}\\d+?[^x]$',
  '^\\w+@\\w+\\.(?<top>com|net)$',
  String(z.toJSONSchema(z.uuid()).pattern),
  String(z.toJSONSchema(z.email()).pattern),
  String(z.toJSONSchema(z.iso.date()).pattern),
]

for (const pattern of PATTERNS)
  test(`a text of ${pattern}`, () => {
    for (let seed = 1; seed <= 20; seed++) {
      const text = patternText(pattern, new SeededRandom(seed))
      assert.match(text ?? '', new RegExp(pattern, 'u'))
      assert.equal(text, patternText(pattern, new SeededRandom(seed)), 'the same for the same seed')
    }
  })

test('what it does not read is no text', () => {
  assert.equal(patternText('^(?=x)\\p{L}$', new SeededRandom(1)), undefined)
})

test('what every text begins with', () => {
  assert.equal(patternPrefix('^ord_[0-9a-f]{32}$'), 'ord_')
  assert.equal(patternPrefix('^ab?c$'), 'a')
  assert.equal(patternPrefix('[a-z]+'), '')
})
