import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { afterPrefix } from './list-sql.ts'
import { CURSOR_LENGTH_MAX, CursorSeal } from './page.ts'

/** Order by code point, as collation "C" of a UTF-8 database has it. */
function byCodePoint(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 6 })

test('a text begins with a prefix exactly where it lies in the range', () => {
  assert.equal(afterPrefix('ab'), 'ac')
  assert.equal(afterPrefix('a\u{10ffff}'), 'b')
  assert.equal(afterPrefix('\u{10ffff}'), undefined)
  assert.equal(afterPrefix('\ud7ff'), '\ue000')
  fc.assert(
    fc.property(text, text, fc.boolean(), (prefix, other, joined) => {
      const value = joined ? prefix + other : other
      const end = afterPrefix(prefix)
      const inside =
        byCodePoint(value, prefix) >= 0 && (end === undefined || byCodePoint(value, end) < 0)
      return inside === value.startsWith(prefix)
    }),
    { numRuns: 500 },
  )
})

test('a cursor opens for its binding alone, and no other text opens', () => {
  const seal = new CursorSeal(['secret'])
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 4 }), fc.string(), (keys, binding) => {
      const cursor = seal.seal(binding, keys)
      assert.deepEqual(seal.open(binding, cursor), keys)
      assert.equal(seal.open(`${binding} `, cursor), undefined)
      assert.equal(new CursorSeal(['other']).open(binding, cursor), undefined)
    }),
  )
  fc.assert(fc.property(fc.string(), (cursor) => seal.open('b', cursor) === undefined))
  const long = seal.seal('b', ['x'.repeat(CURSOR_LENGTH_MAX)])
  assert.equal(seal.open('b', long), undefined)
})

test('every bit of a cursor counts', () => {
  const seal = new CursorSeal(['secret'])
  const cursor = seal.seal('b', ['2026-01-01 00:00:00.000001+00', '7'])
  for (let place = 0; place < cursor.length; place++) {
    for (const letter of 'AQgw_-.') {
      if (cursor[place] === letter) continue
      const changed = cursor.slice(0, place) + letter + cursor.slice(place + 1)
      assert.equal(seal.open('b', changed), undefined, changed)
    }
  }
})
