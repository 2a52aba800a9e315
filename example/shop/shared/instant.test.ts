import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { instant } from './instant.ts'

test('a moment is written as its column shows it', () => {
  assert.equal(instant(Date.UTC(2026, 0, 10, 10, 20, 0, 0)), '2026-01-10T10:20:00Z')
  assert.equal(instant(Date.UTC(2026, 0, 10, 10, 20, 30, 120)), '2026-01-10T10:20:30.12Z')
  assert.equal(instant(Date.UTC(2026, 0, 10, 10, 20, 30, 3)), '2026-01-10T10:20:30.003Z')
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 0) }), (ms) => {
      assert.equal(Date.parse(instant(ms)), ms)
    }),
  )
})
