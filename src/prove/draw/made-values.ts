/** Values that a schema allows, out of nothing: small ones, as a reader would write them. */
import type { JsonSchema } from '../../base/schema.ts'
import type { SeededRandom } from '../../base/seeded-random.ts'
import { patternText } from './pattern-text.ts'

/** Any moment will do; it is that of the commands in a race. */
const MOMENT = '2030-01-15T10:30:00Z'
const FORMATS: Readonly<Record<string, string>> = {
  email: 'ann@shop.example',
  'idn-email': 'ann@shop.example',
  date: '2030-01-15',
  time: '10:30:00Z',
  'date-time': MOMENT,
  duration: 'P1D',
  uri: 'https://shop.example/',
  'uri-reference': '/a',
  hostname: 'shop.example',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
}
const NUMBERS = [1, 2, 0, 10, 100, -1]

/** Those that fit, the likeliest first; none where this does not know how to make one. */
export function madeValues(schema: JsonSchema, field: string, random: SeededRandom): unknown[] {
  if ('const' in schema) return [schema.const]
  if (Array.isArray(schema.enum)) return schema.enum
  const examples = Array.isArray(schema.examples) ? schema.examples : []
  const made = [schema.type].flat().flatMap((type) => ofType(String(type), schema, field, random))
  return [...examples, ...made].filter((value) => fits(schema, value))
}

function ofType(type: string, schema: JsonSchema, field: string, random: SeededRandom): unknown[] {
  if (type === 'string') return texts(schema, field, random)
  if (type === 'integer' || type === 'number') return numbers(schema)
  if (type === 'boolean') return [true, false]
  if (type === 'null') return [null]
  // A value of any type.
  return type === 'undefined' ? ['a'] : []
}

function numbers(schema: JsonSchema): unknown[] {
  const step = numberOr(schema.multipleOf, 1)
  const least = Math.max(
    numberOr(schema.minimum, Number.NEGATIVE_INFINITY),
    numberOr(schema.exclusiveMinimum, Number.NEGATIVE_INFINITY) + step,
  )
  const most = Math.min(
    numberOr(schema.maximum, Number.POSITIVE_INFINITY),
    numberOr(schema.exclusiveMaximum, Number.POSITIVE_INFINITY) - step,
  )
  const bounds = [Math.ceil(least / step) * step, Math.floor(most / step) * step]
  return [...NUMBERS.map((number) => number * step), ...bounds.filter(Number.isFinite)]
}

function numberOr(value: unknown, other: number): number {
  return typeof value === 'number' ? value : other
}

function texts(schema: JsonSchema, field: string, random: SeededRandom): unknown[] {
  const { pattern, format, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema
  const drawn = typeof pattern === 'string' ? patternText(pattern, random) : undefined
  const plain = `${field || 'text'} ${random.integer(1, 9)}`.slice(0, Number(maxLength))
  return [
    ...(format === 'uuid' ? [uuid(random)] : []),
    ...(typeof format === 'string' && format in FORMATS ? [FORMATS[format]] : []),
    ...(pattern === undefined ? [plain.padEnd(Number(minLength), 'a')] : []),
    ...(drawn === undefined ? [] : [drawn]),
  ]
}

function uuid(random: SeededRandom): string {
  const hex = Array.from({ length: 31 }, () => random.integer(0, 15).toString(16)).join('')
  const part = (from: number, to: number) => hex.slice(from, to)
  return `${part(0, 8)}-${part(8, 12)}-4${part(12, 15)}-8${part(15, 18)}-${part(18, 30)}`
}

/** What of a scalar its schema says in itself; the whole input is parsed in the end. */
export function fits(schema: JsonSchema, value: unknown): boolean {
  if (!isOfType(schema.type, value)) return false
  return typeof value === 'string' ? isFitText(schema, value) : isFitNumber(schema, value)
}

function isOfType(type: unknown, value: unknown): boolean {
  const types = [type].flat()
  if (type === undefined) return true
  if (typeof value === 'number')
    return types.includes('number') || (types.includes('integer') && Number.isInteger(value))
  return types.includes(value === null ? 'null' : typeof value)
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

function isFitText(schema: JsonSchema, text: string): boolean {
  const { pattern, format, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema
  if (text.length < Number(minLength) || text.length > Number(maxLength)) return false
  if (format === 'uuid' && !UUID.test(text)) return false
  return typeof pattern !== 'string' || new RegExp(pattern, 'u').test(text)
}

function isFitNumber(schema: JsonSchema, value: unknown): boolean {
  if (typeof value !== 'number') return true
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  const holds = (bound: unknown, test: (bound: number) => boolean) =>
    typeof bound !== 'number' || test(bound)
  return (
    holds(minimum, (bound) => value >= bound) &&
    holds(maximum, (bound) => value <= bound) &&
    holds(exclusiveMinimum, (bound) => value > bound) &&
    holds(exclusiveMaximum, (bound) => value < bound) &&
    holds(multipleOf, (step) => Number.isInteger(value / step))
  )
}
