import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { csvLine } from './csv.ts'

test('what is written is read back, and nothing of it is a formula', () => {
  const cell = fc.oneof(
    fc.string({ maxLength: 10 }),
    fc.constantFrom(
      '=1+1',
      '+1',
      '-1',
      '@SUM(A1)',
      "'@",
      "''=1",
      '\t=1',
      '\r=1',
      'a,b',
      'say "x"',
      'two\nlines',
    ),
  )
  fc.assert(
    fc.property(fc.array(cell, { minLength: 1, maxLength: 5 }), (cells) => {
      const options = { record_delimiter: '\r\n', skip_empty_lines: false }
      const [read = ['']] = parse(csvLine(cells), options) as string[][]
      for (const [index, text] of read.entries()) {
        assert.doesNotMatch(text, /^[=+\-@\t\r]/)
        assert.equal(text.replace(/^'(?='*[=+\-@\t\r])/, ''), cells[index])
      }
    }),
  )
})

test('numbers are numbers, also below zero, and nothing is empty', () => {
  assert.equal(csvLine([-5, null, 0, '']), '-5,,0,\r\n')
})
