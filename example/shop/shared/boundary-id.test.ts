import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { jsonSchemaOf } from '../../../src/base/schema.ts'
import { orderId, productId } from './boundary-id.ts'

test('a uuid goes out readable and comes back the same', () => {
  fc.assert(
    fc.property(fc.uuid(), (uuid) => {
      const shown = orderId.output.parse(uuid)
      assert.match(shown, /^ord_[0-9a-f]{32}$/)
      assert.equal(orderId.input.parse(shown), uuid)
    }),
  )
})

test('an id of another kind, a bare uuid and a forged text are refused', () => {
  const order = orderId.ids.create()
  const wrong = [
    order.replace('ord_', 'prd_'),
    order.toUpperCase(),
    order.slice(0, -1),
    `${order}0`,
    `${order}\n`,
    '0198f000-0000-7000-8000-000000000000',
    '',
    null,
    7,
  ]
  for (const id of wrong) assert.equal(orderId.input.safeParse(id).success, false, String(id))
  assert.equal(productId.input.safeParse(order).success, false)
})

test('a row goes through its output schema unmapped, cut to what is declared', () => {
  const row = { id: '0198f000-0000-7000-8000-000000000000', sku: 'A', secret: 'x' }
  const schema = z.object({ id: productId.output, sku: z.string() })
  assert.deepEqual(schema.parse(row), { id: 'prd_0198f000000070008000000000000000', sku: 'A' })
})

test('both sides are described by the readable form', () => {
  const id = { type: 'string', pattern: '^ord_[0-9a-f]{32}$' }
  const { pattern, type } = jsonSchemaOf(orderId.input, 'input') as typeof id
  assert.deepEqual({ type, pattern }, id)
  const shown = jsonSchemaOf(orderId.output, 'output') as typeof id
  assert.deepEqual({ type: shown.type, pattern: shown.pattern }, id)
})
