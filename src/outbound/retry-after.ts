import type { Clock } from '../base/clock.ts'

/** Retry-After (RFC 9110 §10.2.3): seconds, or a date. Undefined where it is neither. */
export function retryAfterMs(header: string | undefined, clock: Clock): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000
  const atMs = Date.parse(header)
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - clock.now())
}
