import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDurationMs } from './duration.ts'

test('durations are read, and nothing else', () => {
  assert.equal(parseDurationMs('500ms'), 500)
  assert.equal(parseDurationMs('10s'), 10_000)
  assert.equal(parseDurationMs('5 min'), 300_000)
  assert.equal(parseDurationMs('24h'), 86_400_000)
  assert.equal(parseDurationMs('day'), 86_400_000)
  for (const text of ['', '10', '0s', '-1s', '1.5s', '1 fortnight', 'constructor', '10  s']) {
    assert.equal(parseDurationMs(text), undefined, text)
  }
})
