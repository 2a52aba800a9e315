import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { jsonSchemaOf, type Schema } from '../base/schema.ts'
import { compileStrict } from './strict.ts'

function complaints(schema: Schema, value: unknown): string[] {
  const walker = compileStrict(jsonSchemaOf(schema, 'input') ?? {})
  return walker(value).map(({ pointer, message }) => `${pointer}: ${message}`)
}

const Line = z.object({ sku: z.string(), quantity: z.int().optional() })
const Order = z.object({ lines: z.array(Line), note: z.string().nullish() })

test('unknown fields are found wherever they stand', () => {
  assert.deepEqual(complaints(Order, { lines: [{ sku: 'a' }], note: 'x' }), [])
  assert.deepEqual(complaints(Order, { lines: [{ sku: 'a', quantty: 1 }], notes: 'x', zzz: 1 }), [
    '/lines/0/quantty: unknown field; did you mean "quantity"?',
    '/notes: unknown field; did you mean "note"?',
    '/zzz: unknown field',
  ])
  assert.deepEqual(complaints(z.object({}), { 'a/b~c': 1 }), ['/a~1b~0c: unknown field'])
})

test('names that reach a prototype are refused, in open places too', () => {
  const Open = z.object({ free: z.unknown(), map: z.record(z.string(), z.number()) })
  const value = JSON.parse(
    '{"free":{"deep":[{"__proto__":{}}]},"map":{"constructor":1,"x":1},"__proto__":1}',
  )
  assert.deepEqual(complaints(Open, value), [
    '/free/deep/0/__proto__: this name is not allowed',
    '/map/constructor: this name is not allowed',
    '/__proto__: this name is not allowed',
  ])
  assert.deepEqual(complaints(z.object({ constructor: z.string() }), { constructor: 'a' }), [])
})

test('loose objects and records are open, strict ones are not', () => {
  assert.deepEqual(complaints(z.looseObject({ a: z.string() }), { b: { c: 1 } }), [])
  assert.deepEqual(complaints(z.record(z.string(), Line), { x: { sku: 'a', y: 1 } }), [
    '/x/y: unknown field',
  ])
  assert.deepEqual(complaints(z.strictObject({ a: z.string() }), { b: 1 }), ['/b: unknown field'])
})

test('a union is held against the branch that is meant', () => {
  const Pay = z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('card'), token: z.string() }),
    z.object({ kind: z.literal('iban'), iban: z.string(), holder: z.object({ name: z.string() }) }),
  ])
  assert.deepEqual(complaints(Pay, { kind: 'iban', iban: '1', holder: { name: 'x' } }), [])
  assert.deepEqual(complaints(Pay, { kind: 'card', iban: '1' }), ['/iban: unknown field'])
  assert.deepEqual(complaints(Pay, { kind: 'iban', holder: { nam: 1 } }), [
    '/holder/nam: unknown field; did you mean "name"?',
  ])
  const Alike = z.object({ a: z.union([z.object({ x: z.number() }), z.object({ y: z.number() })]) })
  assert.deepEqual(complaints(Alike, { a: { y: 1 } }), [])
  assert.deepEqual(complaints(Alike, { a: { y: 1, x: 1 } }), ['/a/y: unknown field'])
  const Either = z.union([z.string(), z.array(Line), z.looseObject({})])
  assert.deepEqual(complaints(Either, { any: 1 }), [])
  assert.deepEqual(complaints(Either, [{ sk: 1 }]), ['/0/sk: unknown field; did you mean "sku"?'])
})

test('an intersection knows the fields of all its parts', () => {
  const Both = z.intersection(z.object({ a: z.object({ x: z.int() }) }), z.object({ b: z.int() }))
  assert.deepEqual(complaints(Both, { a: { x: 1 }, b: 1 }), [])
  assert.deepEqual(complaints(Both, { a: { y: 1 }, c: 1 }), [
    '/a/y: unknown field',
    '/c: unknown field',
  ])
})

test('recursive schemas and shared definitions', () => {
  const Tree = z.object({
    name: z.string(),
    get children() {
      return z.array(Tree).optional()
    },
  })
  const value = { name: 'a', children: [{ name: 'b', children: [{ nam: 'c' }] }] }
  assert.deepEqual(complaints(Tree, value), [
    '/children/0/children/0/nam: unknown field; did you mean "name"?',
  ])
  const Named = z.object({ x: z.string() }).meta({ id: 'strict-test-named' })
  assert.deepEqual(complaints(z.object({ a: Named, b: Named }), { a: { x: '1' }, b: { y: '' } }), [
    '/b/y: unknown field',
  ])
  const Pair = z.tuple([Line, z.string()])
  assert.deepEqual(complaints(Pair, [{ sku: 'a', b: 1 }, 'x']), ['/0/b: unknown field'])
})

test('deep, wide and tangled values end in a complaint, not in a crash', () => {
  const deep = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`)
  assert.match(complaints(z.unknown(), deep)[0] ?? '', /nested deeper than 64/)
  const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, 1]))
  assert.equal(complaints(Order, wide).length, 20)
  type Node = { left?: Node | undefined; l?: Node | undefined }
  const Node: z.ZodType<Node> = z.lazy(() =>
    z.union([z.object({ l: Node.optional() }), z.object({ l: Node.optional(), x: z.int() })]),
  )
  let tangled: unknown = { unknown: 1 }
  for (let level = 0; level < 50; level++) tangled = { l: tangled }
  assert.match(complaints(Node, tangled).join(), /unknown field|too complex/)
})

test('no value that its schema keeps whole is complained about', () => {
  const Item = z.object({ a: z.int(), b: z.union([z.string(), z.array(Line)]).optional() })
  const value = fc.record(
    {
      a: fc.integer(),
      b: fc.oneof(fc.string(), fc.array(fc.record({ sku: fc.string() }), { maxLength: 3 })),
    },
    { requiredKeys: ['a'] },
  )
  fc.assert(fc.property(value, (item) => complaints(Item, item).length === 0))
})
