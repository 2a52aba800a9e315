/**
 * `holdfast<{ db, services }>()`: the one place where an app states its database and its services.
 * Everything made through it is typed by them, and remembered: a handler that was made and never
 * registered is refused at start, by name.
 */
import { integerOption, knownOptions, optionError, shown, wordOption } from '../base/bounds.ts'
import type { Schema } from '../base/schema.ts'
import { contractName, type EventContract } from './contract.ts'
import { definition, isDefinition } from './definition.ts'
import type {
  AnyJobHandler,
  AnyOperationHandler,
  AnySubscriptionHandler,
  HandledContract,
  HandlerDefinition,
  HandlerFor,
  Isolation,
  SubscriptionDefinition,
  SubscriptionHandler,
} from './handler.ts'
import { parseLimit } from './limit.ts'
import { type ModuleDefinition, type ModuleOptions, moduleDefinition } from './module.ts'
import type { ServiceDefinitions } from './service-types.ts'

export interface AppTypes {
  /** Kysely's table interface, as generated from the migrated database. */
  readonly db: object
  /** Dependencies by name, as handlers receive them. */
  readonly services?: object
}

/** No services: nothing to name. */
type NoServices = Readonly<Record<never, never>>
type ServicesOf<T extends AppTypes> = T extends { readonly services: infer S extends object }
  ? S
  : NoServices

export interface AppOptions<S> {
  /** Namespaces: `import * as ordering from './ordering/index.ts'`. */
  readonly modules: readonly object[]
  /** Services that belong to no single module. */
  readonly services?: ServiceDefinitions<S>
}

/** An app as data: what `startApp` starts and the registry is built from. */
export interface AppDefinition {
  readonly modules: readonly object[]
  readonly services: ServiceDefinitions<Record<string, unknown>>
  /** Everything made through this app's builder, registered or not. */
  readonly made: ReadonlySet<HandlerDefinition | SubscriptionDefinition>
}

export interface AppBuilder<DB, S> {
  /** What runs for a contract. Export it from the module's `index.ts`. */
  handle<C extends HandledContract>(contract: C, handler: HandlerFor<C, DB, S>): HandlerDefinition
  /** Runs once for each event, in order for each key, in a transaction that moves the position too. */
  subscribe<P extends Schema>(
    event: EventContract<P>,
    handler: SubscriptionHandler<P, DB, S>,
  ): SubscriptionDefinition
  /** One business domain: owner of the tables that its migrations make. */
  defineModule(options: ModuleOptions<S>): ModuleDefinition
  defineApp(options: AppOptions<S>): AppDefinition
}

export function holdfast<T extends AppTypes>(): AppBuilder<T['db'], ServicesOf<T>> {
  return new Builder<T['db'], ServicesOf<T>>()
}

class Builder<DB, S> implements AppBuilder<DB, S> {
  readonly #made = new Set<HandlerDefinition | SubscriptionDefinition>()

  handle<C extends HandledContract>(contract: C, handler: HandlerFor<C, DB, S>): HandlerDefinition {
    if (!isDefinition(contract)) throw optionError('handle', 'contract', 'is not a contract')
    checkHandler(contract, handler as object)
    return this.#remember({
      kind: 'handler',
      contract,
      handler: handler as unknown as AnyOperationHandler | AnyJobHandler,
    })
  }

  subscribe<P extends Schema>(
    event: EventContract<P>,
    handler: SubscriptionHandler<P, DB, S>,
  ): SubscriptionDefinition {
    if (!isDefinition(event)) throw optionError('subscribe', 'event', 'is not an event')
    checkSubscription(handler)
    return this.#remember({
      kind: 'subscription',
      name: handler.name,
      event: event as unknown as EventContract,
      handler: handler as unknown as AnySubscriptionHandler,
    })
  }

  defineModule(options: ModuleOptions<S>): ModuleDefinition {
    return moduleDefinition(options)
  }

  defineApp(options: AppOptions<S>): AppDefinition {
    knownOptions('defineApp', options, ['modules', 'services'])
    return Object.freeze({
      modules: options.modules,
      services: (options.services ?? {}) as ServiceDefinitions<Record<string, unknown>>,
      made: this.#made,
    })
  }

  #remember<D extends HandlerDefinition | SubscriptionDefinition>(value: D): D {
    this.#made.add(definition(value))
    return value
  }
}

const isolations: readonly Isolation[] = ['serializable', 'repeatable read', 'read committed']

const operationNames = ['allow', 'limit', 'around', 'timeoutMs', 'replyBytesMax']
const handlerNames: Readonly<Record<HandledContract['kind'], readonly string[]>> = {
  command: [...operationNames, 'isolation', 'attemptsMax', 'run'],
  query: [...operationNames, 'run'],
  action: [...operationNames, 'act'],
  job: ['isolation', 'run', 'act'],
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
}

function checkHandler(contract: HandledContract, handler: object): void {
  const where = `handler of ${contract.kind} ${shown(contract.name)}`
  knownOptions(where, handler, handlerNames[contract.kind])
  checkBounds(where, handler)
  checkBody(where, contract, handler)
  if ('limit' in handler && handler.limit !== undefined) {
    parseLimit(where, handler.limit as Parameters<typeof parseLimit>[1])
  }
}

function checkBounds(where: string, bounded: Bounded): void {
  wordOption(where, 'isolation', bounded.isolation, isolations, 'serializable')
  integerOption(where, 'timeoutMs', bounded.timeoutMs, handlerBounds.timeoutMs)
  integerOption(where, 'replyBytesMax', bounded.replyBytesMax, handlerBounds.replyBytesMax)
  integerOption(where, 'attemptsMax', bounded.attemptsMax, handlerBounds.attemptsMax)
}

function checkBody(where: string, contract: HandledContract, handler: object): void {
  const bodies = ['run', 'act'].filter(
    (name) => typeof (handler as Record<string, unknown>)[name] === 'function',
  )
  if (contract.kind === 'job' && bodies.length !== 1) {
    throw optionError(where, '`run` or `act`', 'must be there, and not both')
  }
  if (bodies.length === 1) return
  const name = contract.kind === 'action' ? 'act' : 'run'
  throw optionError(where, name, 'must be a function')
}

function checkSubscription(handler: {
  readonly name: string
  readonly isolation?: Isolation
  readonly attemptsMax?: number
  readonly run: unknown
}): void {
  const where = contractName('subscription', handler.name)
  knownOptions(where, handler, ['name', 'isolation', 'attemptsMax', 'backoff', 'timeoutMs', 'run'])
  wordOption(where, 'isolation', handler.isolation, isolations, 'serializable')
  const bound = handlerBounds.subscriptionAttemptsMax
  integerOption(where, 'attemptsMax', handler.attemptsMax, bound)
  if (typeof handler.run !== 'function') throw optionError(where, 'run', 'must be a function')
}
