import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lineDiff } from './line-diff.ts'

const lines = fc.array(fc.constantFrom<string>('a', 'b', 'c', 'd', ''), { maxLength: 30 })

/** The lines with these marks, which are all lines of one side where every line is near a change. */
function side(diff: string, marks: string): string[] {
  return diff
    .split('\n')
    .filter((line) => marks.includes(line[0] ?? '?'))
    .map((line) => line.slice(2))
}

test('additions and removals account for the whole difference', () => {
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const diff = lineDiff(before.join('\n'), after.join('\n'))
      const added = side(diff, '+')
      const removed = side(diff, '-')
      const [left, right] = [before.length || 1, after.length || 1]
      assert.equal(right - left, added.length - removed.length)
      for (const line of added) assert.ok(after.includes(line) || line === '')
      for (const line of removed) assert.ok(before.includes(line) || line === '')
    }),
  )
})

test('a change is shown with two lines around it', () => {
  const before = ['1', '2', '3', '4', '5', '6', '7']
  const after = ['1', '2', '3', 'x', 'y', '5', '6', '7']
  const diff = lineDiff(before.join('\n'), after.join('\n'))
  assert.deepEqual(diff.split('\n'), ['  2', '  3', '- 4', '+ x', '+ y', '  5', '  6'])
  assert.equal(lineDiff('same\n', 'same\n'), '')
})

test('what is too long to compare or to read is bounded', () => {
  const many = (mark: string) => Array.from({ length: 3000 }, (_, at) => `${mark}${at}`).join('\n')
  const diff = lineDiff(many('a'), many('b')).split('\n')
  assert.equal(diff.length, 201)
  assert.equal(diff.at(-1), '... 5800 more lines')
})
