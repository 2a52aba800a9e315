import { randomBytes, randomUUID } from 'node:crypto'

let lastMs = 0
let counter = 0
/** The time as its 12 hex digits, split as they stand in an id; kept while the millisecond lasts. */
let timeText = ''

/**
 * A version 7 UUID (RFC 9562 §5.7): 48 bit milliseconds, a 12 bit counter so that ids of one
 * process and one millisecond are in order (§6.2 method 1), and the last 62 bits of a version 4
 * UUID, whose entropy Node fetches for many at a time.
 */
export function uuidv7(nowMs: number = Date.now()): string {
  if (nowMs > lastMs) startMillisecond(nowMs)
  else if (++counter > COUNTER_MAX) startMillisecond(lastMs + 1)
  return `${timeText}-7${hexCounter(counter)}${randomUUID().slice(18)}`
}

const COUNTER_MAX = 0xfff

function startMillisecond(ms: number): void {
  lastMs = ms
  counter = 0
  const time = ms.toString(16).padStart(12, '0')
  timeText = `${time.slice(0, 8)}-${time.slice(8)}`
}

function hexCounter(value: number): string {
  if (value < 0x10) return `00${value.toString(16)}`
  return value < 0x100 ? `0${value.toString(16)}` : value.toString(16)
}

/** No version 7 UUID that was made at this time or later is less. */
export function leastUuidv7(ms: number): string {
  const time = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A readable id at the boundary: `ord_0198…` (32 hex digits), a plain uuid in the database. */
export interface PrefixedId<Prefix extends string = string> {
  readonly prefix: Prefix
  readonly pattern: RegExp
  create(): `${Prefix}_${string}`
  /** From a database uuid to the boundary. */
  encode(uuid: string): `${Prefix}_${string}`
  /** From the boundary to a database uuid; undefined where it is not an id of this kind. */
  decode(id: string): string | undefined
}

/** A kind of id with a readable prefix: `prefixedId('ord')`. */
export function prefixedId<const Prefix extends string>(prefix: Prefix): PrefixedId<Prefix> {
  const pattern = new RegExp(`^${prefix}_[0-9a-f]{32}$`)
  const encode = (uuid: string): `${Prefix}_${string}` => `${prefix}_${uuid.replaceAll('-', '')}`
  return {
    prefix,
    pattern,
    create: () => encode(uuidv7()),
    encode,
    decode: (id) => (pattern.test(id) ? dashed(id.slice(prefix.length + 1)) : undefined),
  }
}

function dashed(hexDigits: string): string {
  const part = (from: number, to: number) => hexDigits.slice(from, to)
  return `${part(0, 8)}-${part(8, 12)}-${part(12, 16)}-${part(16, 20)}-${part(20, 32)}`
}

export function isUuid(text: string): boolean {
  return UUID.test(text)
}

/** An unguessable token of `bytes` random bytes, base64url. */
export function randomToken(bytes: number): string {
  return randomBytes(bytes).toString('base64url')
}
