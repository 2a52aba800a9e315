/**
 * Column parsers: decided once, shown in the generated row types. Values arrive as text.
 * What a column gives here is what its output schema accepts, so that a row is returned unmapped.
 */
import { types } from 'pg'
import { HoldfastError } from '../base/fault.ts'

export type Parse = (text: string) => unknown

const OID = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  json: 114,
  float4: 700,
  float8: 701,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  interval: 1186,
  numeric: 1700,
  jsonb: 3802,
  oid: 26,
} as const

const asText: Parse = (text) => text
const asNumber: Parse = (text) => Number(text)

function safeInteger(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  throw new HoldfastError('HF_INTEGER_RANGE', `The value ${text} is beyond 2^53.`)
}

/**
 * `2026-11-21 07:10:27.123456+00` to RFC 3339 in UTC with all its microseconds. Transactions run
 * with TimeZone UTC; another offset is converted, `infinity` and BC dates pass as text.
 */
export function timestamptz(text: string): string {
  const length = text.length
  if (text.charCodeAt(length - 3) === 43 && text.endsWith('+00') && text[10] === ' ') {
    return `${text.slice(0, 10)}T${text.slice(11, length - 3)}Z`
  }
  return shiftedToUtc(text)
}

const TIMESTAMP =
  /^(\d{4,6}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/

function shiftedToUtc(text: string): string {
  const match = TIMESTAMP.exec(text)
  if (match === null) return text
  const [, date, time, fraction = '', sign, hours, minutes = '0', seconds = '0'] = match
  const offset = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
  const local = Date.parse(`${date}T${time}Z`)
  // RFC 3339 has four digits for the year; what is beyond 9999 passes as text too.
  if (Number.isNaN(local)) return text
  const utc = local - (sign === '-' ? -offset : offset) * 1000
  return `${new Date(utc).toISOString().slice(0, 19)}${fraction}Z`
}

const scalar: Record<number, Parse> = {
  [OID.bool]: (text) => text === 't',
  [OID.bytea]: types.getTypeParser(OID.bytea),
  [OID.int2]: asNumber,
  [OID.int4]: asNumber,
  [OID.oid]: asNumber,
  [OID.int8]: safeInteger,
  [OID.float4]: asNumber,
  [OID.float8]: asNumber,
  [OID.numeric]: asText,
  [OID.json]: (text) => JSON.parse(text),
  [OID.jsonb]: (text) => JSON.parse(text),
  [OID.timestamptz]: timestamptz as Parse,
}

/** pg_type.typarray of the built-in types that do not parse to text. */
const arrayElement: Record<number, number> = {
  1000: OID.bool,
  1001: OID.bytea,
  1005: OID.int2,
  1007: OID.int4,
  1016: OID.int8,
  1021: OID.float4,
  1022: OID.float8,
  1028: OID.oid,
  199: OID.json,
  3807: OID.jsonb,
  1185: OID.timestamptz,
}

/** Arrays whose elements stay text: text, varchar, bpchar, name, uuid, numeric, date, time, … */
const TEXT_ARRAYS = new Set([
  1009, 1015, 1014, 1003, 2951, 1231, 1182, 1183, 1115, 1187, 1041, 651, 1040, 1270, 1561, 1563,
])

const INT8_ARRAY = 1016
const bigints: Parse = (text) => parseArray(text, BigInt)

const parsers = new Map<number, Parse>()

/** The parser for a type; unknown types (enums, domains over text, extensions) stay text. */
export function parserFor(oid: number, bigint = false): Parse {
  if (bigint && oid === OID.int8) return BigInt
  if (bigint && oid === INT8_ARRAY) return bigints
  const known = parsers.get(oid)
  if (known !== undefined) return known
  const parse = scalar[oid] ?? arrayParser(oid) ?? asText
  parsers.set(oid, parse)
  return parse
}

function arrayParser(oid: number): Parse | undefined {
  const element = arrayElement[oid]
  if (element === undefined && !TEXT_ARRAYS.has(oid)) return undefined
  const parse = element === undefined ? asText : (scalar[element] ?? asText)
  return (text) => parseArray(text, parse)
}

/**
 * An array literal (Postgres manual 8.15.6): braces, commas, elements quoted with backslash
 * escapes, NULL unquoted. A lower-bound prefix `[2:3]=` is passed over.
 */
export function parseArray(text: string, parse: Parse): unknown[] {
  let at = text.startsWith('[') ? text.indexOf('=') + 1 : 0
  const quoted = (): string => {
    let out = ''
    for (at++; text[at] !== '"'; at++) out += text[at] === '\\' ? text[++at] : text[at]
    at++
    return out
  }
  const bare = (): unknown => {
    const start = at
    while (text[at] !== ',' && text[at] !== '}') at++
    const word = text.slice(start, at)
    return word === 'NULL' ? null : parse(word)
  }
  const list = (): unknown[] => {
    const out: unknown[] = []
    for (at++; text[at] !== '}'; ) {
      if (text[at] === ',') at++
      else if (text[at] === '{') out.push(list())
      else out.push(text[at] === '"' ? parse(quoted()) : bare())
    }
    at++
    return out
  }
  return list()
}

/** A value as a text parameter; null and Buffer pass as they are. */
export function encode(value: unknown): string | Buffer | null {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return null
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  return encodeObject(value)
}

function encodeObject(value: unknown): string | Buffer {
  if (Buffer.isBuffer(value)) return value
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length)
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return encodeArray(value)
  return encodeJson(value)
}

function encodeJson(value: unknown): string {
  const json = JSON.stringify(value)
  if (json !== undefined) return json
  throw new HoldfastError('HF_OPTION_INVALID', `A ${typeof value} is no value for a statement.`)
}

function encodeArray(items: readonly unknown[]): string {
  return `{${items.map(encodeElement).join(',')}}`
}

function encodeElement(item: unknown): string {
  if (Array.isArray(item)) return encodeArray(item)
  const encoded = Buffer.isBuffer(item) ? `\\x${item.toString('hex')}` : encode(item)
  if (encoded === null) return 'NULL'
  return `"${String(encoded).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
