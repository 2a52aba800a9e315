/**
 * `holdfast<{ db, services }>()`: the one place where an app states its database and its services.
 * Everything made through it is typed by them, and remembered: a handler that was made and never
 * registered is refused at start, by name.
 */
import { knownOptions, optionError, shown } from '../base/bounds.ts'
import type { Schema } from '../base/schema.ts'
import type { ServiceDefinitions } from '../runtime/service.ts'
import type { EventContract } from './contract.ts'
import { definition, isDefinition } from './definition.ts'
import type {
  AnyJobHandler,
  AnyOperationHandler,
  AnySubscriptionHandler,
  HandledContract,
  HandlerDefinition,
  HandlerFor,
  SubscriptionDefinition,
  SubscriptionHandler,
} from './handler.ts'
import { checkCommon, checkHandler, checkSubscription } from './handler-options.ts'
import type { FilterMap, ListContract, ListRequest, SortToken } from './list-contract.ts'
import { type AnyListHandler, checkListHandler, type ListHandler } from './list-handler.ts'
import { type ModuleDefinition, type ModuleOptions, moduleDefinition } from './module.ts'
import type { ProblemMap } from './problem.ts'

/** What `holdfast<...>()` is told: the tables and the services of an app. */
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

/** Makes handlers, subscriptions, modules and the app, typed by its database and its services. */
export interface AppBuilder<DB, S> {
  /** What runs for a contract. Export it from the module's `index.ts`. */
  handle<C extends HandledContract>(contract: C, handler: HandlerFor<C, DB, S>): HandlerDefinition
  /** What a list reads from: table, columns, and the rows that this caller may see. */
  list<
    I extends Schema,
    F extends FilterMap,
    Sort extends string,
    P extends ProblemMap,
    T extends keyof DB & string,
  >(
    contract: ListContract<I, F, Sort, P>,
    handler: ListHandler<I, F, ListRequest<F, SortToken<Sort>>, DB, T, S>,
  ): HandlerDefinition
  /** Runs once for each event, in order for each key, in a transaction that moves the position too. */
  subscribe<P extends Schema>(
    event: EventContract<P>,
    handler: SubscriptionHandler<P, DB, S>,
  ): SubscriptionDefinition
  /** One business domain: owner of the tables that its migrations make. */
  defineModule(options: ModuleOptions<S>): ModuleDefinition
  defineApp(options: AppOptions<S>): AppDefinition
}

/**
 * The builder of an app, made once: `holdfast<{ db: Database; services: { mailer: Mailer } }>()`.
 */
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

  list<
    I extends Schema,
    F extends FilterMap,
    Sort extends string,
    P extends ProblemMap,
    T extends keyof DB & string,
  >(
    contract: ListContract<I, F, Sort, P>,
    handler: ListHandler<I, F, ListRequest<F, SortToken<Sort>>, DB, T, S>,
  ): HandlerDefinition {
    if (!isDefinition(contract) || !('list' in contract))
      throw optionError('list', 'contract', 'is not made by defineList')
    const erased = handler as unknown as AnyListHandler
    checkListHandler(contract as unknown as ListContract, erased)
    checkCommon(`handler of list ${shown(contract.name)}`, erased)
    return this.#remember({
      kind: 'handler',
      contract: contract as unknown as ListContract,
      handler: erased,
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
