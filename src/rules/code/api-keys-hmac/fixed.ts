import { createHash, timingSafeEqual } from 'node:crypto'

export interface StoredKey {
  readonly id: string
  readonly key: string
}

const digest = (key: string) => createHash('sha256').update(key).digest()

/** 128 random bits need no slow hash; the digest makes lengths equal and a stolen table useless. */
export function isKey(stored: StoredKey, given: string): boolean {
  return timingSafeEqual(Buffer.from(stored.key, 'hex'), digest(given))
}

export function store(id: string, key: string): StoredKey {
  return { id, key: digest(key).toString('hex') }
}
