import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { SeededRandom } from '../../base/seeded-random.ts'
import { drawInput, Learned, type Reach } from './draw-input.ts'
import { type PoolColumn, RowPool } from './row-pool.ts'

const column = (table: string, name: string, more: Partial<PoolColumn> = {}): PoolColumn => ({
  table: `public.${table}`,
  name,
  type: 'text',
  key: false,
  references: null,
  ...more,
})

const uuid = (n: number) => `01970000-0000-7000-8000-00000000000${n}`
const columns = [
  column('orders', 'id', { key: true, type: 'uuid' }),
  column('orders', 'status'),
  column('orders', 'amount_minor', { type: 'bigint' }),
  column('products', 'id', { key: true, type: 'uuid' }),
  column('products', 'sku', { key: true }),
  column('payments', 'id', { key: true, type: 'uuid' }),
  column('payments', 'order_id', { type: 'uuid', references: 'public.orders.id' }),
]
const rows = [
  { table: 'public.products', values: { id: uuid(1), sku: 'LAMP' } },
  { table: 'public.orders', values: { id: uuid(2), status: 'placed', amount_minor: 700 } },
  { table: 'public.payments', values: { id: uuid(3), order_id: uuid(2) } },
  { table: 'public.orders', values: { id: uuid(4), tenant_id: 'globex' } },
]
const pool = new RowPool(columns, rows, 'acme')

function draw(schema: z.ZodType, reach: Reach = 'least', seed = 1, operation = 'shop.act') {
  const random = new SeededRandom(seed)
  const options = { operation, schema: z.toJSONSchema(schema), pool, random }
  return drawInput({ ...options, learned: new Learned() }, reach)
}

test('a field that names a row takes the key of one: by table, by prefix, by the name of a column', () => {
  assert.deepEqual(draw(z.object({ order: z.uuid() })).input, { order: uuid(2) })
  assert.deepEqual(draw(z.object({ orderId: z.uuid() })).input, { orderId: uuid(2) })
  assert.deepEqual(draw(z.object({ sku: z.string() })).input, { sku: 'LAMP' })
  const prefixed = z.object({ id: z.string().regex(/^ord_[0-9a-f]{32}$/) })
  assert.deepEqual(draw(prefixed).input, { id: `ord_${uuid(2).replaceAll('-', '')}` })
  const shortened = z.object({ id: z.string().regex(/^prd_[0-9a-f]{32}$/) })
  assert.deepEqual(draw(shortened).input, { id: `prd_${uuid(1).replaceAll('-', '')}` })
})

test('the id of a command is that of what it is named after', () => {
  const { input, refs } = draw(z.object({ id: z.uuid() }), 'least', 1, 'orders.cancel-order')
  assert.deepEqual(input, { id: uuid(2) })
  assert.deepEqual(
    refs.map(({ path, table }) => [path, table]),
    [[['id'], 'public.orders']],
  )
})

test('the rest is taken from the row that is named', () => {
  const schema = z.object({ amount_minor: z.int(), order: z.uuid() })
  assert.deepEqual(draw(schema).input, { amount_minor: 700, order: uuid(2) })
})

test('rows of another tenant are never drawn', () => {
  for (let seed = 1; seed <= 50; seed++)
    assert.doesNotMatch(JSON.stringify(draw(z.object({ id: z.uuid() }), 'any', seed).input), /0004/)
})

test('what is drawn fits: bounds, enums, formats, patterns, defaults, unions, lists', () => {
  const schema = z.object({
    count: z.int().min(5).max(9).multipleOf(2),
    kind: z.enum(['a', 'b']),
    mail: z.email(),
    date: z.iso.date(),
    at: z.iso.datetime(),
    code: z.string().regex(/^[A-Z]{3}-\d+$/),
    text: z.string().min(12).max(14),
    fixed: z.literal('x'),
    lines: z.array(z.object({ n: z.int().positive() })).min(2),
    either: z.union([z.string(), z.object({ n: z.int() })]),
    nothing: z.null(),
    maybe: z.string().optional(),
    flag: z.boolean(),
  })
  for (let seed = 1; seed <= 50; seed++) {
    const { input } = draw(schema, 'any', seed)
    assert.deepEqual(schema.safeParse(input).error?.issues, undefined, JSON.stringify(input))
    assert.deepEqual(draw(schema, 'any', seed).input, input, 'the same for the same seed')
  }
  assert.ok(!('maybe' in (draw(schema).input as object)))
  assert.ok('maybe' in (draw(schema, 'most').input as object))
})

test('a schema of itself comes to an end', () => {
  const tree = z.object({
    get children() {
      return z.array(tree)
    },
  })
  assert.ok(tree.safeParse(draw(tree).input).success)
})
