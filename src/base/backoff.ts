import { randomInt } from 'node:crypto'

export interface Backoff {
  readonly baseMs: number
  readonly capMs: number
}

/**
 * Exponential backoff with full jitter: uniform in [0, min(cap, base * 2^attempt)].
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function backoffMs(backoff: Backoff, attempt: number): number {
  const ceiling = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt, 30))
  return randomInt(0, Math.max(1, Math.ceil(ceiling)) + 1)
}
