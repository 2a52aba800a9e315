import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JSON_DEPTH_MAX } from '../../base/json.ts'
import { ProblemError } from '../../operation/problem.ts'
import { readJson } from './json-body.ts'

function read(text: string) {
  return readJson(Buffer.from(text))
}

/** Keys that a prototype has are refused, and tested below. */
const key = fc.string().filter((name) => name !== '__proto__' && name !== 'constructor')
const wellFormed = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'))
const value = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, tie('leaf'), tie('list'), tie('object')),
  leaf: fc.oneof(
    wellFormed,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
  ),
  list: fc.array(tie('any'), { maxLength: 5 }),
  object: fc.dictionary(
    key.filter((name) => !name.includes('\0')),
    tie('any'),
    { maxKeys: 5 },
  ),
})).any

test('what JSON.stringify writes is read as JSON.parse reads it, spaces or not', () => {
  fc.assert(
    fc.property(value, fc.nat({ max: 3 }), (input, indent) => {
      const text = JSON.stringify(input, undefined, indent)
      const result = read(text)
      assert.ok(!(result instanceof ProblemError), text)
      assert.deepEqual(result, { text, value: JSON.parse(text) })
    }),
  )
})

test('what JSON.parse refuses is refused, and nothing throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const result = readJson(Buffer.from(bytes))
      if (result instanceof ProblemError) assert.equal(result.code, 'malformed')
      else assert.deepEqual(result.value, JSON.parse(Buffer.from(bytes).toString()))
    }),
  )
})

test('a key given twice is found at any depth, however it is written', () => {
  fc.assert(
    fc.property(value, key, (inner, name) => {
      const twice = `{${JSON.stringify(name)}:1,"x":[${JSON.stringify(inner)}],${JSON.stringify(name)}:2}`
      const result = read(`[{"a":${twice}}]`)
      assert.ok(result instanceof ProblemError, twice)
    }),
  )
})

for (const name of ['__proto__', 'constructor', '\\u005f\\u005fproto__', 'const\\u0072uctor'])
  test(`the key ${name} is refused at any depth`, () => {
    for (const text of [`{"${name}":1}`, `[{"a":{"${name}":{}}}]`]) {
      const result = read(text)
      assert.ok(result instanceof ProblemError)
      assert.equal(result.status, 400)
    }
    assert.ok(!(read(`{"a":"${name}"}`) instanceof ProblemError), 'as a value it is a text')
  })

test('the depth is bounded', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  assert.ok(!(read(nested(JSON_DEPTH_MAX)) instanceof ProblemError))
  assert.ok(read(nested(JSON_DEPTH_MAX + 1)) instanceof ProblemError)
  assert.ok(read(nested(500_000)) instanceof ProblemError)
  assert.ok(read('{"a":'.repeat(100_000)) instanceof ProblemError)
  assert.ok(
    !(read(`"${'['.repeat(100)}\\"{"`) instanceof ProblemError),
    'brackets in a text do not count',
  )
})

test('a text that Postgres cannot hold is pointed at', () => {
  const result = read('{"a":[{"b/c":"ok\\u0041"},{"b/c":"bad\\u0000"}]}')
  assert.ok(result instanceof ProblemError)
  assert.equal(result.status, 422)
  assert.equal((result.members.errors as { pointer: string }[])[0]?.pointer, '/a/1/b~1c')
  assert.ok(!(read('"\\ud83d\\ude00"') instanceof ProblemError), 'a whole pair is a character')
})
