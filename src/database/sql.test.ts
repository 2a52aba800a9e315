import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '../base/fault.ts'
import { tokensOf } from './guard/sql-scanner.ts'
import { type Sql, sql } from './sql.ts'

const shape = ({ text, values }: Sql<unknown>) => ({ text, values })

test('values become parameters, in order', () => {
  const given = sql`SELECT * FROM t WHERE a = ${1} AND b = ${'x; DROP TABLE t'} AND c = ${null}`
  assert.deepEqual(shape(given), {
    text: 'SELECT * FROM t WHERE a = $1 AND b = $2 AND c = $3',
    values: [1, 'x; DROP TABLE t', null],
  })
  assert.deepEqual(shape(sql`SELECT 1`), { text: 'SELECT 1', values: [] })
})

test('fragments nest and their parameters are numbered through', () => {
  const where = sql`a = ${1} AND ${sql`b = ${2}`}`
  const given = sql`SELECT ${sql.id('x')} FROM t WHERE ${where} LIMIT ${3}`
  assert.deepEqual(shape(given), {
    text: 'SELECT "x" FROM t WHERE a = $1 AND b = $2 LIMIT $3',
    values: [1, 2, 3],
  })
  // A fragment can be used twice, and by itself.
  assert.deepEqual(shape(sql`${where} OR ${where}`).values, [1, 2, 1, 2])
  assert.equal(where.text, 'a = $1 AND b = $2')
})

test('lists: values, fragments, a separator, nothing', () => {
  assert.deepEqual(shape(sql`IN (${sql.join([1, 2])})`), { text: 'IN ($1, $2)', values: [1, 2] })
  const conditions = [sql`a = ${1}`, sql`b = ${2}`]
  assert.deepEqual(shape(sql`WHERE ${sql.join(conditions, sql` AND `)}`), {
    text: 'WHERE a = $1 AND b = $2',
    values: [1, 2],
  })
  assert.deepEqual(shape(sql`SELECT 1 ${sql.empty}`), { text: 'SELECT 1 ', values: [] })
  assert.equal(sql`(${sql.join([])})`.text, '()')
})

test('an array is one value', () => {
  assert.deepEqual(shape(sql`= ANY (${[1, 2]})`), { text: '= ANY ($1)', values: [[1, 2]] })
})

test('identifiers are quoted, part by part', () => {
  assert.equal(sql`${sql.id('public', 'order "x"')}`.text, '"public"."order ""x"""')
  assert.throws(
    () => sql.id('a\0b'),
    (error) => isFault(error, 'HF_OPTION_INVALID'),
  )
})

test('an object that looks like a fragment is a value: only the tag makes text', () => {
  const forged = { text: 'DROP TABLE t', values: [], appendTo: () => {} }
  const given = sql`SELECT ${forged}`
  assert.deepEqual(shape(given), { text: 'SELECT $1', values: [forged] })
})

test('declarations make another statement with the same text and values', () => {
  const given = sql`SELECT ${1}`
  const declared = given.bounded(5).withBigint()
  assert.deepEqual([declared.rowsMax, declared.bigint], [5, true])
  assert.deepEqual([given.rowsMax, given.bigint], [undefined, undefined])
  assert.deepEqual(shape(declared), shape(given))
  assert.equal(declared.withBigint().bounded(6).bigint, true)
})

test('the text of a template without fragments is made once', () => {
  const make = (value: unknown) => sql`SELECT ${value} AS once`
  const first = make(1)
  assert.equal(first.text, make(2).text)
  assert.deepEqual(make(3).values, [3])
  // The same template with a fragment is another text, and does not disturb the first.
  assert.equal(make(sql`now()`).text, 'SELECT now() AS once')
  assert.equal(make(4).text, 'SELECT $1 AS once')
})

test('whatever is put in, the text holds parameters and quoted names only', () => {
  const anything = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.array(fc.string()))
  const name = fc.string({ minLength: 1 }).filter((each) => !each.includes('\0'))
  fc.assert(
    fc.property(fc.array(anything), anything, name, (list, value, column) => {
      const given = sql`SELECT ${sql.id(column)} FROM t WHERE a IN (${sql.join(list)}) AND b = ${value}`
      assert.deepEqual(given.values, [...list, value])
      const tokens = tokensOf(given.text)
      const params = tokens.filter(({ kind }) => kind === 'param')
      assert.deepEqual(
        params.map(({ text }) => text),
        given.values.map((_, at) => `$${at + 1}`),
      )
      assert.equal(tokens[1]?.kind, 'name')
      assert.equal(tokens[1]?.text, column)
      assert.equal(tokens.length, 13 + 2 * list.length - (list.length > 0 ? 1 : 0))
    }),
  )
})
