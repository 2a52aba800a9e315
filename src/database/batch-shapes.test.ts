import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { batchShapeOf } from './batch-shapes.ts'
import type { Statement } from './statement.ts'

const OURS = ['BEGIN', 'SELECT holdfast.x()', 'INSERT INTO holdfast.events VALUES ($1)', 'COMMIT']
const USERS = ['SELECT a FROM t', 'INSERT INTO "t" VALUES ($1)', 'UPDATE t SET a = 1']

const statement = (text: string): Statement => ({ text, values: [] })

test('every statement of the user is told once, whatever stands around it', () => {
  const texts = fc.array(fc.constantFrom(...OURS, ...USERS), { minLength: 2, maxLength: 9 })
  fc.assert(
    fc.property(texts, (batch) => {
      const { shape, only, inside } = batchShapeOf(batch.map(statement))
      const told = only === undefined ? inside.map(({ index }) => index) : [only]
      const users = batch.flatMap((text, index) => (USERS.includes(text) ? [index] : []))
      assert.deepEqual(told, users)
      assert.equal(inside.length === 1, false, 'one statement needs no span below the batch')
      assert.equal(shape.attributes?.['db.operation.batch.size'], batch.length)
      assert.equal(
        shape.attributes?.['db.query.text'],
        only === undefined ? undefined : batch[only],
      )
      for (const each of inside) {
        assert.equal(each.shape.attributes?.['db.query.text'], batch[each.index])
      }
    }),
  )
})

test('the same texts give the same shape, also behind megabytes that come once', () => {
  const batch = ['BEGIN', ...USERS].map(statement)
  const first = batchShapeOf(batch)
  assert.equal(batchShapeOf([...batch]), first)
  const long = 'x'.repeat(100_000)
  for (let n = 0; n < 50; n++) batchShapeOf([statement(`SELECT ${n} FROM t -- ${long}`)])
  const again = batchShapeOf(batch)
  assert.notEqual(again, first, 'it was forgotten')
  assert.deepEqual(again, first)
  assert.equal(batchShapeOf([...batch]), again, 'it is remembered again')
})
