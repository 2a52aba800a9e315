/** A limit as it is declared, checked, and turned into the numbers that the arithmetic needs. */
import { integerOption, knownOptions, optionError, shown, wordOption } from '../../base/bounds.ts'
import type { Rate } from './gcra.ts'

/** What happens while the database cannot be asked. */
export type Unavailable = 'local' | 'refuse' | 'allow'

export interface LimitPolicy {
  /** Stands in headers and in the table: `ordering.place-order`. One name, one policy. */
  readonly name: string
  readonly rate: { readonly count: number; readonly windowMs: number }
  /** Tokens in a full bucket: how many may come at once after a pause. */
  readonly burst: number
  /** Counts each request in the database, at one statement per request. */
  readonly exact: boolean
  /**
   * `local` (default): each process counts alone, so a limit holds per process and not in sum;
   * an attacker cannot turn limits off by hurting the database, nor is everybody locked out.
   * `refuse`: for what must never be tried too often (logins, codes). `allow`: for mere courtesy.
   */
  readonly unavailable?: Unavailable
}

/** A checked policy. Made once for each name. */
export interface PolicyFacts {
  readonly policy: LimitPolicy
  readonly name: string
  readonly rate: Rate
  readonly exact: boolean
  readonly unavailable: Unavailable
  /** Whether a first request may pass before the database has been asked. */
  readonly optimistic: boolean
  /** The most tokens that one process asks for in stock. */
  readonly chunkMax: number
  /** Seconds in which an empty bucket fills. */
  readonly windowS: number
}

const COUNT = {
  min: 1,
  max: 1_000_000,
  default: 1,
  because: 'above that, shed load by overload control and not by subject',
}
const WINDOW_MS = {
  min: 1,
  max: 86_400_000,
  default: 1000,
  because: 'a longer window is a quota that must outlive a crash of the server',
}
/** Times are doubles of milliseconds since 1970, exact to 0.25 microseconds. */
const INTERVAL_MS_MIN = 0.01
/** One request too many per process is at most a twentieth of the burst; smaller bursts wait. */
const OPTIMISTIC_BURST_MIN = 20
/** What other processes cannot have for a moment is at most a quarter of the burst per process. */
const CHUNK_SHARE = 4
/** A structured-field string (RFC 9651 §3.3.3) that needs no escapes. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$/

export function policyFacts(policy: LimitPolicy): PolicyFacts {
  const where = `limit ${shown(policy.name)}`
  knownOptions(where, policy, ['name', 'rate', 'burst', 'exact', 'unavailable'])
  if (!NAME.test(policy.name)) {
    throw optionError(where, 'name', 'must be 1 to 100 letters, digits and . _ : / -')
  }
  const count = integerOption(where, 'rate.count', policy.rate.count, COUNT)
  const windowMs = integerOption(where, 'rate.windowMs', policy.rate.windowMs, WINDOW_MS)
  const burst = integerOption(where, 'burst', policy.burst, COUNT)
  const intervalMs = windowMs / count
  if (intervalMs < INTERVAL_MS_MIN) {
    throw optionError(where, 'rate', `must be at most ${1 / INTERVAL_MS_MIN} per millisecond`)
  }
  const unavailable = ['local', 'refuse', 'allow'] as const
  return Object.freeze({
    policy,
    name: policy.name,
    rate: { intervalMs, burst },
    exact: policy.exact,
    unavailable: wordOption(where, 'unavailable', policy.unavailable, unavailable, 'local'),
    optimistic: !policy.exact && burst >= OPTIMISTIC_BURST_MIN,
    chunkMax: policy.exact ? 0 : Math.max(1, Math.floor(burst / CHUNK_SHARE)),
    windowS: Math.max(1, Math.ceil((burst * intervalMs) / 1000)),
  })
}

export function samePolicy(left: LimitPolicy, right: LimitPolicy): boolean {
  return (
    left === right ||
    (left.rate.count === right.rate.count &&
      left.rate.windowMs === right.rate.windowMs &&
      left.burst === right.burst &&
      left.exact === right.exact &&
      left.unavailable === right.unavailable)
  )
}
