/** `limit: { rate: '60/min', per: 'principal' }`: read and checked when the handler is made. */
import { integerOption, knownOptions, optionError, shown, wordOption } from '../base/bounds.ts'
import { type Duration, durationUnits, parseDurationMs } from '../base/duration.ts'

/** `60/min`, `5/s`, `1000/24h`: so many requests in so much time. */
export type Rate = `${number}/${Duration}`

/** Whose requests are counted together. */
export type LimitPer = 'principal' | 'tenant' | 'address'

/** How often an operation may be asked for, counted by GCRA; beyond it is 429 with Retry-After. */
export interface LimitOption {
  readonly rate: Rate
  readonly per: LimitPer
  /** How many may come at once after a pause. Default: the count of the rate. */
  readonly burst?: number
  /** Counts exactly across processes, at one write per request. Default: chunks leased in the background. */
  readonly exact?: boolean
}

export interface Limit {
  readonly count: number
  readonly windowMs: number
  readonly per: LimitPer
  readonly burst: number
  readonly exact: boolean
}

const pers: readonly LimitPer[] = ['principal', 'tenant', 'address']
const COUNT_MAX = 1_000_000
/** A longer window is a quota, not a rate: it must survive restarts exactly. */
const WINDOW_MS_MAX = 86_400_000

export function parseLimit(where: string, option: LimitOption): Limit {
  knownOptions(`${where}, limit`, option, ['rate', 'per', 'burst', 'exact'])
  const { count, windowMs } = parseRate(where, option.rate)
  const burst = integerOption(where, 'limit.burst', option.burst, {
    min: 1,
    max: COUNT_MAX,
    default: count,
    because: 'by default a whole window may come at once',
  })
  const per = wordOption(where, 'limit.per', option.per, pers, 'principal')
  return Object.freeze({ count, windowMs, per, burst, exact: option.exact === true })
}

const RATE = /^(\d{1,7})\/(.+)$/

function parseRate(where: string, rate: string): { count: number; windowMs: number } {
  const match = RATE.exec(String(rate))
  const count = Number(match?.[1])
  const windowMs = parseDurationMs(match?.[2] ?? '')
  if (match === null || windowMs === undefined || count < 1 || count > COUNT_MAX) {
    const like = `must be like "60/min" (1 to ${COUNT_MAX} per ${durationUnits.join(', ')})`
    throw optionError(where, 'limit.rate', `is ${shown(rate)} and ${like}`)
  }
  if (windowMs <= WINDOW_MS_MAX) return { count, windowMs }
  throw optionError(where, 'limit.rate', `is ${shown(rate)} and its time must be at most 24h`)
}
