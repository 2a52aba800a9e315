/** Options of a client, checked when it is made. */
import type { Backoff } from '../base/backoff.ts'
import { integerOption, knownOptions, optionError, shown } from '../base/bounds.ts'
import type { BreakerOptions } from './gate.ts'
import type { RetryBudgetOptions } from './retry-budget.ts'

/**
 * How one dependency is called. Bounds and defaults stand in the guide to calling out; times in
 * milliseconds.
 */
export interface OutboundOptions {
  /** Of the dependency, in kebab-case: stands in metrics, spans and errors. */
  readonly name: string
  /** `https://pay.example`, or with a path that every route begins with. */
  readonly baseUrl: string
  /** For one attempt; what is left of the caller's deadline shortens it. */
  readonly timeoutMs?: number
  /** Of calls that may be made again: GET, HEAD, PUT, DELETE, and any with a key. */
  readonly attemptsMax?: number
  /** Full jitter between 0 and min(cap, base * 2^attempt). */
  readonly backoff?: Partial<Backoff>
  readonly retryBudget?: Partial<RetryBudgetOptions>
  readonly breaker?: Partial<BreakerOptions>
  /** Requests under way at once, and so connections. */
  readonly concurrencyMax?: number
  /** Calls that may wait for one of these places. */
  readonly waitingMax?: number
  readonly replyBytesMax?: number
}

export interface CheckedOptions {
  readonly name: string
  readonly base: URL
  readonly timeoutMs: number
  readonly attemptsMax: number
  readonly backoff: Backoff
  readonly retryBudget: RetryBudgetOptions
  readonly breaker: BreakerOptions
  readonly concurrencyMax: number
  readonly waitingMax: number
  readonly replyBytesMax: number
}

const bounds = {
  timeoutMs: {
    min: 10,
    max: 600_000,
    default: 5_000,
    because: 'whoever calls waits for it, and a place is taken for as long',
  },
  attemptsMax: {
    min: 1,
    max: 10,
    default: 3,
    because: 'what fails three times within seconds is better tried again by a job, minutes later',
  },
  baseMs: { min: 1, max: 60_000, default: 100, because: 'the first retry comes within twice it' },
  capMs: { min: 1, max: 30_000, default: 2_000, because: 'no retry waits longer than it' },
  percent: {
    min: 0,
    max: 100,
    default: 20,
    because: 'a dependency in trouble then sees at most a fifth more than its load',
  },
  tokensMax: {
    min: 0,
    max: 10_000,
    default: 10,
    because: 'a client that is seldom used may still retry a few times',
  },
  failurePercent: {
    min: 1,
    max: 100,
    default: 50,
    because: 'a dependency that fails more often than not is down',
  },
  calls: {
    min: 2,
    max: 1_000,
    default: 20,
    because: 'the share is that of the last so many calls; fewer say little',
  },
  openMs: {
    min: 10,
    max: 600_000,
    default: 5_000,
    because: 'then one call is let through to see whether it is back',
  },
  concurrencyMax: {
    min: 1,
    max: 10_000,
    default: 20,
    because: 'a slow dependency must not take all of this process',
  },
  waitingMax: {
    min: 0,
    max: 100_000,
    default: 40,
    because: 'more would wait longer than their deadline',
  },
  replyBytesMax: {
    min: 1,
    max: 256 * 1024 * 1024,
    default: 1024 * 1024,
    because: 'a reply is held in memory',
  },
} as const

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

export function checkOptions(options: OutboundOptions): CheckedOptions {
  const { name } = options
  const where = `outbound client ${shown(name)}`
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw optionError(where, 'name', 'must be in kebab-case')
  }
  knownOptions(where, options, [
    'name',
    'baseUrl',
    'backoff',
    'retryBudget',
    'breaker',
    ...topLevel,
  ])
  const { backoff = {}, retryBudget = {}, breaker = {} } = options
  const of = <T extends object>(field: string, given: T, names: readonly (keyof T & string)[]) => {
    knownOptions(`${where}, ${field}`, given, names)
    return given
  }
  const number = (field: keyof typeof bounds, value: number | undefined, prefix = '') =>
    integerOption(where, `${prefix}${field}`, value, bounds[field])
  of('backoff', backoff, ['baseMs', 'capMs'])
  of('retryBudget', retryBudget, ['percent', 'tokensMax'])
  of('breaker', breaker, ['failurePercent', 'calls', 'openMs'])
  return {
    name,
    base: baseOf(where, options.baseUrl),
    timeoutMs: number('timeoutMs', options.timeoutMs),
    attemptsMax: number('attemptsMax', options.attemptsMax),
    backoff: {
      baseMs: number('baseMs', backoff.baseMs, 'backoff.'),
      capMs: number('capMs', backoff.capMs, 'backoff.'),
    },
    retryBudget: {
      percent: number('percent', retryBudget.percent, 'retryBudget.'),
      tokensMax: number('tokensMax', retryBudget.tokensMax, 'retryBudget.'),
    },
    breaker: {
      failurePercent: number('failurePercent', breaker.failurePercent, 'breaker.'),
      calls: number('calls', breaker.calls, 'breaker.'),
      openMs: number('openMs', breaker.openMs, 'breaker.'),
    },
    concurrencyMax: number('concurrencyMax', options.concurrencyMax),
    waitingMax: number('waitingMax', options.waitingMax),
    replyBytesMax: number('replyBytesMax', options.replyBytesMax),
  }
}

const topLevel = [
  'timeoutMs',
  'attemptsMax',
  'concurrencyMax',
  'waitingMax',
  'replyBytesMax',
] as const

/** User and password belong into a header: a URL ends up in logs. */
function baseOf(where: string, text: string): URL {
  const url = URL.parse(text)
  const plain = url !== null && !url.username && !url.password && !url.search && !url.hash
  if (plain && /^https?:$/.test(url.protocol)) return url
  const form = 'http:// or https://, without user, password, query and fragment'
  throw optionError(where, 'baseUrl', `must be a URL that begins with ${form}`)
}
