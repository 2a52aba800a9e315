import { randomBytes, randomFillSync } from 'node:crypto'

const POOL_BYTES = 4096
const pool = Buffer.allocUnsafe(POOL_BYTES)
let offset = POOL_BYTES

/** Random bytes from a refilled pool: one call into the generator for 256 ids. */
function randomSlice(length: number): number {
  if (offset + length > POOL_BYTES) {
    randomFillSync(pool)
    offset = 0
  }
  const start = offset
  offset += length
  return start
}

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

let lastMs = 0
let counter = 0

/**
 * A version 7 UUID (RFC 9562 §5.7): 48 bit milliseconds, a 12 bit counter so that ids of one
 * process and one millisecond are in order (§6.2 method 1), 62 random bits.
 */
export function uuidv7(nowMs: number = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs
    counter = 0
  } else if (++counter > 0xfff) {
    lastMs += 1
    counter = 0
  }
  const at = randomSlice(8)
  const time = lastMs.toString(16).padStart(12, '0')
  const low = counter.toString(16).padStart(3, '0')
  const byte = (index: number) => hex[pool[at + index] as number] as string
  const variant = hex[((pool[at] as number) & 0x3f) | 0x80] as string
  const tail = byte(2) + byte(3) + byte(4) + byte(5) + byte(6) + byte(7)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${low}-${variant}${byte(1)}-${tail}`
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
