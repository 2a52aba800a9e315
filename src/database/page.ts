/**
 * Cursors of keyset pages: the sort keys of the last row as the server wrote them (text, so that
 * microseconds and large numbers stay exact), sealed with an HMAC over the keys and over what the
 * page belongs to: list, tenant, filters, sort. A cursor of another tenant or another query is as
 * wrong as a forged one, and nothing tells them apart.
 */
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { equalBytes, hmacSha256 } from '../base/digest.ts'

/** Longer ones do not fit a URL that every proxy lets through. */
export const CURSOR_LENGTH_MAX = 2048
/** 128 bits: a forger has one guess for each request. */
const SEAL_BYTES = 16
/** A row is told apart by a few columns. */
const KEYS_MAX = 16

const CURSOR = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{22})$/

export class CursorSeal {
  readonly #keys: readonly KeyObject[]

  /** The first key seals, all of them open: a new key is put first and the old one kept a while. */
  constructor(keys: readonly (string | Uint8Array)[]) {
    this.#keys = keys.map((key) => createSecretKey(hmacSha256(key, 'holdfast cursor')))
  }

  /** For one process alone, where no key is configured. */
  static random(): CursorSeal {
    return new CursorSeal([randomBytes(32)])
  }

  seal(binding: string, keys: readonly string[]): string {
    const body = Buffer.from(JSON.stringify(keys)).toString('base64url')
    const seal = sealOf(this.#keys[0] as KeyObject, binding, body)
    return `${body}.${seal.toString('base64url')}`
  }

  /** The keys, or undefined where the cursor was not sealed here for this binding. */
  open(binding: string, cursor: string): readonly string[] | undefined {
    const [, body = '', seal = ''] = CURSOR.exec(cursor) ?? []
    if (body === '' || cursor.length > CURSOR_LENGTH_MAX) return undefined
    // As text: the last letter carries bits that decoding would drop, and one seal has one spelling.
    const given = Buffer.from(seal)
    const genuine = this.#keys.some((key) =>
      equalBytes(Buffer.from(sealOf(key, binding, body).toString('base64url')), given),
    )
    return genuine ? keysOf(body) : undefined
  }
}

/** Neither binding nor body holds a newline outside of JSON: the two cannot run into each other. */
function sealOf(key: KeyObject, binding: string, body: string): Buffer {
  return hmacSha256(key, `${binding}\n${body}`).subarray(0, SEAL_BYTES)
}

function keysOf(body: string): readonly string[] | undefined {
  const keys: unknown = JSON.parse(Buffer.from(body, 'base64url').toString())
  const sound = Array.isArray(keys) && keys.length <= KEYS_MAX
  return sound && keys.every((key) => typeof key === 'string') ? keys : undefined
}
