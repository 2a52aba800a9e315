import { createHash, createHmac, hash, type KeyObject, timingSafeEqual } from 'node:crypto'

export function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer')
}

/** Of what comes piece by piece. */
export class RunningSha256 {
  readonly #hash = createHash('sha256')

  update(data: Uint8Array): void {
    this.#hash.update(data)
  }

  /** Once. */
  end(): Buffer {
    return this.#hash.digest()
  }
}

export function hmacSha256(
  key: string | Uint8Array | KeyObject,
  data: string | Uint8Array,
): Buffer {
  return createHmac('sha256', key).update(data).digest()
}

/** Constant-time comparison; unequal lengths compare unequal without an early return on content. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}
