import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '../base/fault.ts'
import { WireDatabase } from '../testing/wire-database.ts'
import { encode, parseArray, parserFor, timestamptz } from './parsers.ts'
import type { Pool } from './pool.ts'
import { sql } from './sql.ts'

let database: WireDatabase
let pool: Pool

before(async () => {
  database = await WireDatabase.make(
    `CREATE TYPE mood AS ENUM ('good', 'bad')`,
    'CREATE DOMAIN short AS varchar(5)',
  )
  pool = database.pool({ connectionsMax: 1 })
  await pool.run([sql`SET TimeZone = 'UTC'`])
})

after(() => database.drop())

/** What a value of that type comes back as. */
async function read(expression: string): Promise<unknown> {
  const [rows] = await pool.run([{ text: `SELECT ${expression} AS value`, values: [] }])
  return rows?.rows[0]?.value
}

async function there(type: string, value: unknown): Promise<unknown> {
  const [rows] = await pool.run([{ text: `SELECT $1::${type} AS value`, values: [value] }])
  return rows?.rows[0]?.value
}

test('each type comes as its output schema takes it', async () => {
  const cases: readonly [string, unknown][] = [
    ['NULL::int4', null],
    ['true', true],
    ["'-32768'::int2", -32768],
    ['42', 42],
    ["'9007199254740991'::int8", 9007199254740991],
    ["'-9007199254740991'::int8", -9007199254740991],
    ["'1.5'::float4", 1.5],
    ["'NaN'::float8", Number.NaN],
    ["'-Infinity'::float8", Number.NEGATIVE_INFINITY],
    ["'12345678901234567890.10'::numeric", '12345678901234567890.10'],
    ["'a''b'::text", "a'b"],
    ["'ab'::char(5)", 'ab   '],
    ["'good'::mood", 'good'],
    ["'abc'::short", 'abc'],
    ["'0198c0de-0000-7000-8000-000000000000'::uuid", '0198c0de-0000-7000-8000-000000000000'],
    [`'{"a":[1,null]}'::json`, { a: [1, null] }],
    [`'"x"'::jsonb`, 'x'],
    ["'null'::jsonb", null],
    ["'\\x00ff'::bytea", Buffer.from([0, 255])],
    ["'2026-11-21'::date", '2026-11-21'],
    ["'07:10:27.5'::time", '07:10:27.5'],
    ["'2026-11-21 07:10:27'::timestamp", '2026-11-21 07:10:27'],
    ["'2026-11-21 07:10:27.123456+00'::timestamptz", '2026-11-21T07:10:27.123456Z'],
    ["'2026-11-21 07:10:27+02'::timestamptz", '2026-11-21T05:10:27Z'],
    ["'1 day 02:00'::interval", '1 day 02:00:00'],
    ["'{1,2,NULL}'::int4[]", [1, 2, null]],
    [
      "'{{1,2},{3,4}}'::int8[]",
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ["'{}'::text[]", []],
    ["'[2:3]={a,b}'::text[]", ['a', 'b']],
    ["'{t,f}'::bool[]", [true, false]],
    ["'{1.10}'::numeric[]", ['1.10']],
    [`ARRAY['a,b', '', 'NULL', NULL, '{', '"\\']`, ['a,b', '', 'NULL', null, '{', '"\\']],
    [`ARRAY['{"a":1}'::jsonb]`, [{ a: 1 }]],
    ["ARRAY['\\x00ff'::bytea]", [Buffer.from([0, 255])]],
    ["ARRAY['2026-11-21 07:10:27.5+00'::timestamptz]", ['2026-11-21T07:10:27.5Z']],
    ["ARRAY['2026-11-21'::date]", ['2026-11-21']],
    [
      "ARRAY['0198c0de-0000-7000-8000-000000000000'::uuid]",
      ['0198c0de-0000-7000-8000-000000000000'],
    ],
  ]
  for (const [expression, expected] of cases)
    assert.deepEqual(await read(expression), expected, expression)
})

test('an int8 that no number holds exactly is refused, in arrays too, or read as bigint', async () => {
  for (const expression of ["'9007199254740992'::int8", "'{1,9007199254740993}'::int8[]"])
    await assert.rejects(
      read(expression),
      (error) => isFault(error, 'HF_INTEGER_RANGE'),
      expression,
    )
  assert.equal(parserFor(20, true)('9007199254740993'), 9007199254740993n)
  assert.deepEqual(parserFor(1016, true)('{9007199254740993}'), [9007199254740993n])
})

test('timestamptz: any offset becomes UTC, microseconds stay, what is no moment stays text', () => {
  assert.equal(timestamptz('2026-11-21 07:10:27.000001+00'), '2026-11-21T07:10:27.000001Z')
  assert.equal(timestamptz('2026-01-01 00:30:00.123456+05:30'), '2025-12-31T19:00:00.123456Z')
  assert.equal(timestamptz('2026-12-31 23:30:00-01'), '2027-01-01T00:30:00Z')
  assert.equal(timestamptz('1883-11-18 12:00:00-04:56:02'), '1883-11-18T16:56:02Z')
  assert.equal(timestamptz('infinity'), 'infinity')
  assert.equal(timestamptz('-infinity'), '-infinity')
  assert.equal(timestamptz('10000-01-01 00:00:00+00'), '10000-01-01 00:00:00+00')
  assert.equal(timestamptz('294276-12-31 23:59:59.999999+00'), '294276-12-31 23:59:59.999999+00')
  assert.equal(timestamptz('0044-03-15 00:00:00+00 BC'), '0044-03-15 00:00:00+00 BC')
})

test('moments are the same as the server reads them back, in any time zone', async () => {
  const zones = ['UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/St_Johns', 'Pacific/Apia']
  const micros = fc.bigInt({ min: -62_135_400_000_000_000n, max: 253_402_200_000_000_000n })
  await fc.assert(
    fc.asyncProperty(micros, fc.constantFrom(...zones), async (moment, zone) => {
      const at = sql`'epoch'::timestamptz + ${String(moment)}::int8 * interval '1 microsecond'`
      const [, rows] = await pool.run([
        sql`SELECT set_config('TimeZone', ${zone}, true)`,
        sql`SELECT ${at} AS at`,
      ])
      const text = rows?.rows[0]?.at as string
      assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/)
      const [back] = await pool.run([sql`SELECT ${text}::timestamptz = ${at} AS same`])
      assert.equal(back?.rows[0]?.same, true)
    }),
    { numRuns: 150 },
  )
})

const text = fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', '').toWellFormed())

test('values go there and come back', async () => {
  const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 4 })
  const cases: readonly [string, fc.Arbitrary<unknown>][] = [
    ['text', text],
    ['text[]', fc.array(nullable(text))],
    ['int4', fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })],
    ['int8', fc.maxSafeInteger()],
    ['int8[]', fc.array(nullable(fc.maxSafeInteger()))],
    ['float8', fc.double({ noNaN: true }).map((value) => (Object.is(value, -0) ? 0 : value))],
    ['bool', fc.boolean()],
    ['bytea', fc.uint8Array().map((bytes) => Buffer.from(bytes))],
    ['bytea[]', fc.array(nullable(fc.uint8Array().map((bytes) => Buffer.from(bytes))))],
    ['jsonb', fc.dictionary(text, fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null)))],
    ['jsonb[]', fc.array(fc.dictionary(text, fc.integer()))],
    ['uuid[]', fc.array(fc.uuid())],
  ]
  for (const [type, arbitrary] of cases) {
    await fc.assert(
      fc.asyncProperty(arbitrary, async (value) => {
        assert.deepEqual(await there(type, value), plain(value))
      }),
      { numRuns: 60 },
    )
  }
})

/** fast-check's dictionaries may have no prototype. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (Buffer.isBuffer(value) || typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value))
}

test('other values: undefined is NULL, a Date its moment, a bigint its digits, bytes bytes', async () => {
  assert.equal(await there('text', undefined), null)
  assert.equal(
    await there('timestamptz', new Date('2026-11-21T07:10:27.123Z')),
    '2026-11-21T07:10:27.123Z',
  )
  assert.equal(await there('numeric', 2n ** 70n), '1180591620717411303424')
  assert.equal(await there('float8', Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY)
  const part = new Uint8Array([9, 1, 2, 9]).subarray(1, 3)
  assert.deepEqual(await there('bytea', part), Buffer.from([1, 2]))
  assert.deepEqual(await there('bytea[]', [part]), [Buffer.from([1, 2])])
  assert.deepEqual(
    await there('int4[]', [
      [1, 2],
      [3, null],
    ]),
    [
      [1, 2],
      [3, null],
    ],
  )
  assert.deepEqual(await there('text[]', ['NULL', null, '']), ['NULL', null, ''])
})

test('what is no value is refused', () => {
  for (const value of [() => 1, Symbol('x'), [Symbol('x')], { toJSON: () => undefined }])
    assert.throws(
      () => encode(value),
      (error) => isFault(error, 'HF_OPTION_INVALID'),
    )
})

test('an array literal is read as the server wrote it', async () => {
  const tree = fc.array(fc.array(fc.option(text), { minLength: 2, maxLength: 2 }), { maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(tree, async (value) => {
      const [rows] = await pool.run([sql`SELECT ${value}::text[]::text AS literal`])
      assert.deepEqual(
        parseArray(rows?.rows[0]?.literal as string, (each) => each),
        value,
      )
    }),
    { numRuns: 60 },
  )
})
