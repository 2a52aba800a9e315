/** Options of handlers are checked when these are made: names, words and bounds, each with its reason. */
import { integerOption, knownOptions, optionError, shown, wordOption } from '../base/bounds.ts'
import { type BackoffOption, backoffOption, contractName, jobBounds } from './contract.ts'
import type { HandledContract, Isolation } from './handler.ts'
import { type LimitOption, parseLimit } from './limit.ts'

const isolations: readonly Isolation[] = ['serializable', 'repeatable read', 'read committed']

const operationNames = ['allow', 'limit', 'around', 'timeoutMs', 'replyBytesMax']
const handlerNames: Readonly<Record<HandledContract['kind'], readonly string[]>> = {
  command: [...operationNames, 'isolation', 'attemptsMax', 'authenticate', 'run'],
  query: [...operationNames, 'run'],
  action: [...operationNames, 'authenticate', 'act'],
  job: ['isolation', 'run', 'act', 'whenDead'],
}

export const handlerBounds = {
  timeoutMs: {
    min: 10,
    max: 600_000,
    default: 10_000,
    because: 'locks are held and a connection is taken for as long as this',
  },
  replyBytesMax: {
    min: 256,
    max: 64 * 1024 * 1024,
    default: 1024 * 1024,
    because: 'a stored reply is kept for as long as its idempotency key',
  },
  attemptsMax: {
    min: 1,
    max: 20,
    default: 5,
    because: 'transactions that collide more often than this need another shape, not more tries',
  },
  subscriptionAttemptsMax: {
    min: 1,
    max: 100,
    default: 20,
    because: 'then the event is parked as a dead letter and can be replayed',
  },
} as const

interface Bounded {
  readonly isolation?: Isolation
  readonly timeoutMs?: number
  readonly replyBytesMax?: number
  readonly attemptsMax?: number
  readonly limit?: LimitOption
}

export function checkHandler(contract: HandledContract, handler: object): void {
  const where = `handler of ${contract.kind} ${shown(contract.name)}`
  knownOptions(where, handler, handlerNames[contract.kind])
  checkCommon(where, handler)
  checkBody(where, contract, handler)
}

/** What every kind of handler may carry. */
export function checkCommon(where: string, bounded: Bounded): void {
  wordOption(where, 'isolation', bounded.isolation, isolations, 'serializable')
  integerOption(where, 'timeoutMs', bounded.timeoutMs, handlerBounds.timeoutMs)
  integerOption(where, 'replyBytesMax', bounded.replyBytesMax, handlerBounds.replyBytesMax)
  integerOption(where, 'attemptsMax', bounded.attemptsMax, handlerBounds.attemptsMax)
  if (bounded.limit !== undefined) parseLimit(where, bounded.limit)
}

function checkBody(where: string, contract: HandledContract, handler: object): void {
  const bodies = ['run', 'act'].filter(
    (name) => typeof (handler as Record<string, unknown>)[name] === 'function',
  )
  if (contract.kind === 'job' && bodies.length !== 1) {
    throw optionError(where, '`run` or `act`', 'must be there, and not both')
  }
  const { whenDead } = handler as { readonly whenDead?: unknown }
  if (whenDead !== undefined && typeof whenDead !== 'function') {
    throw optionError(where, 'whenDead', 'must be a function')
  }
  if (bodies.length === 1) return
  const name = contract.kind === 'action' ? 'act' : 'run'
  throw optionError(where, name, 'must be a function')
}

export function checkSubscription(handler: {
  readonly name: string
  readonly isolation?: Isolation
  readonly attemptsMax?: number
  readonly backoff?: Partial<BackoffOption>
  readonly timeoutMs?: number
  readonly run: unknown
}): void {
  const where = contractName('subscription', handler.name)
  knownOptions(where, handler, ['name', 'isolation', 'attemptsMax', 'backoff', 'timeoutMs', 'run'])
  wordOption(where, 'isolation', handler.isolation, isolations, 'serializable')
  const bound = handlerBounds.subscriptionAttemptsMax
  integerOption(where, 'attemptsMax', handler.attemptsMax, bound)
  integerOption(where, 'timeoutMs', handler.timeoutMs, jobBounds.timeoutMs)
  backoffOption(where, handler.backoff)
  if (typeof handler.run !== 'function') throw optionError(where, 'run', 'must be a function')
}
