/**
 * The text of an API key: `hf_<environment>_<id>_<secret><checksum>`.
 *
 * - `id`: 32 hexadecimal digits of a UUIDv7; the key is found by it, and the same digits stand in
 *   logs and in the audit as `key_<id>`.
 * - `secret`: 22 characters of base62, 131 random bits.
 * - `checksum`: 6 characters, CRC-32 of everything before it in base62, as GitHub's tokens have it
 *   ("Behind GitHub's new authentication token formats", 2021). A typo or a cut copy is told
 *   without a look into the database, and secret scanners find real keys only.
 */
import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { prefixedId } from '../../base/id.ts'

/** `key_…` outside, a uuid in the database. */
export const apiKeyId = prefixedId('key')

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SECRET_LENGTH = 22
const CHECKSUM_LENGTH = 6
/** The largest multiple of 62 in a byte: a byte from here on would favour the first characters. */
const UNBIASED_MAX = 248

const ENVIRONMENT = '[a-z][a-z0-9]{0,15}'
const KEY = new RegExp(`^hf_(${ENVIRONMENT})_([0-9a-f]{32})_[0-9A-Za-z]{28}$`)
export const KEY_LENGTH_MAX = 'hf_'.length + 16 + 1 + 32 + 1 + SECRET_LENGTH + CHECKSUM_LENGTH

export const environmentPattern = new RegExp(`^${ENVIRONMENT}$`)

export interface KeyText {
  readonly environment: string
  /** As in the database. */
  readonly id: string
}

export function createKeyText(environment: string, id: string): string {
  const body = `hf_${environment}_${id.replaceAll('-', '')}_${randomBase62(SECRET_LENGTH)}`
  return body + checksum(body)
}

/** Undefined for what is no key, or one that was copied wrongly. */
export function parseKeyText(text: string): KeyText | undefined {
  if (text.length > KEY_LENGTH_MAX) return undefined
  const match = KEY.exec(text)
  if (match === null) return undefined
  if (checksum(text.slice(0, -CHECKSUM_LENGTH)) !== text.slice(-CHECKSUM_LENGTH)) return undefined
  const id = apiKeyId.decode(`key_${match[2]}`)
  return id === undefined ? undefined : { environment: match[1] as string, id }
}

function checksum(body: string): string {
  let rest = crc32(body)
  let text = ''
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    text = BASE62[rest % 62] + text
    rest = Math.floor(rest / 62)
  }
  return text
}

function randomBase62(length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of randomBytes(length - text.length)) {
      if (byte < UNBIASED_MAX) text += BASE62[byte % 62]
    }
  }
  return text
}
