import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { jsonSchemaOf, type Schema } from '../base/schema.ts'
import { type HttpText, parseHttp } from './binding.ts'
import { compileAssemble } from './input.ts'

function assemble(http: HttpText, schema: Schema, url: string, body?: unknown) {
  const binding = parseHttp('test', http)
  const [path = '', query = ''] = url.split('?')
  const params = Object.fromEntries(
    binding.params.map((name, index) => [name, path.split(',')[index] ?? '']),
  )
  const read = compileAssemble(binding, jsonSchemaOf(schema, 'input') ?? {})
  const input = read({ path: params, query: new URLSearchParams(query), body })
  return input.ok ? input.value : input.violations
}

const Query = z.object({
  limit: z.int().optional(),
  price: z.number().optional(),
  open: z.boolean().optional(),
  text: z.string().optional(),
  status: z.array(z.enum(['a', 'b'])).optional(),
  sizes: z.array(z.int()).optional(),
  one: z.union([z.string(), z.array(z.string())]).optional(),
  level: z.union([z.literal(1), z.literal(2)]).optional(),
  maybe: z.int().nullable().optional(),
})

test('query values are read by the schema of their field', () => {
  const read = (query: string) => assemble('GET /v1/x', Query, `?${query}`)
  assert.deepEqual(read('limit=20&price=-1.5e3&open=true&text=20'), {
    limit: 20,
    price: -1500,
    open: true,
    text: '20',
  })
  assert.deepEqual(read('status=a&status=b&sizes=1'), { status: ['a', 'b'], sizes: [1] })
  assert.deepEqual(read('one=a,b'), { one: 'a,b' })
  assert.deepEqual(read('one=a&one=b'), { one: ['a', 'b'] })
  assert.deepEqual(read('level=2&maybe=3'), { level: 2, maybe: 3 })
})

test('what does not look like its type stays text, for the schema to refuse', () => {
  const read = (query: string) => assemble('GET /v1/x', Query, `?${query}`)
  for (const text of ['', '1.5', '01', '+1', '0x10', '1e3', ' 1', 'NaN']) {
    assert.deepEqual(read(`limit=${encodeURIComponent(text)}`), { limit: text })
  }
  assert.deepEqual(read('open=1&price=Infinity'), { open: '1', price: 'Infinity' })
  assert.deepEqual(read('limit=1&limit=2'), { limit: ['1', '2'] })
  assert.deepEqual(read(`price=${'9'.repeat(40)}`), { price: '9'.repeat(40) })
  assert.deepEqual(read('unknown=1'), { unknown: '1' })
  const proto = read('__proto__=1') as object
  assert.deepEqual(Object.keys(proto), ['__proto__'])
})

test('a body carries the fields that are not in the path', () => {
  const Cancel = z.object({ id: z.string(), reason: z.string().optional() })
  const http = 'POST /v1/orders/{id}/cancel'
  assert.deepEqual(assemble(http, Cancel, 'o1', { reason: 'x' }), { id: 'o1', reason: 'x' })
  assert.deepEqual(assemble(http, Cancel, 'o1'), { id: 'o1' })
  assert.deepEqual(assemble(http, Cancel, 'o1', { id: 'o2' }), [
    { pointer: '/id', message: 'stands in the path already' },
  ])
  assert.deepEqual(assemble(http, Cancel, 'o1', [1]), [
    { pointer: '', message: 'expected an object' },
  ])
  assert.deepEqual(assemble(http, Cancel, 'o1?reason=x'), [
    { pointer: '/reason', message: 'belongs in the body, not in the query' },
  ])
  const body = JSON.parse('{"__proto__":{"admin":true}}')
  const merged = assemble(http, Cancel, 'o1', body) as Record<string, unknown>
  assert.equal(merged.admin, undefined)
  assert.ok(Object.hasOwn(merged, '__proto__'))
})

test('GET and DELETE carry no body, and a name stands in one place', () => {
  const One = z.object({ id: z.int() })
  assert.deepEqual(assemble('GET /v1/x/{id}', One, '7'), { id: 7 })
  assert.deepEqual(assemble('GET /v1/x/{id}', One, '7?id=8'), [
    { pointer: '/id', message: 'stands in the path already' },
  ])
  assert.deepEqual(assemble('DELETE /v1/x/{id}', One, '7', {}), [
    { pointer: '', message: 'a body is not allowed' },
  ])
})
