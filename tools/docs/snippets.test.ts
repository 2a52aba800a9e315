import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shows } from './snippets.ts'

test('what is shown is what came out, but for numbers, times and widths', () => {
  const output = 'a    applied  2026-01-02T03:04:05Z\nb    pending\n7 applied, 1 pending.\n'
  const same = [
    'a  applied  2025-11-11T11:11:11Z\nb  pending\n8 applied, 2 pending.',
    '...\n7 ...',
    output,
  ]
  for (const shown of same) assert.ok(shows(shown, output), shown)
  const other = ['a  applied', '...\nb  applied\n...', 'b  pending', '7 applied, one pending.', '']
  for (const shown of other) assert.ok(!shows(shown, output), shown)
})

test('names with digits are compared to the letter', () => {
  assert.ok(!shows('0001_orders', '0002_orders'))
  assert.ok(!shows('v1', 'v2'))
})
