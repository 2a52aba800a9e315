/** Dependencies of an app: made at start, closed at stop, replaced in tests by name. */
import type { Config } from '../runtime/config.ts'
import type { Log } from '../runtime/log.ts'

export interface ServiceContext {
  readonly config: Config
  readonly log: Log
}

export interface ServiceDefinition<T> {
  start(context: ServiceContext): T | Promise<T>
  stop?(service: T): void | Promise<void>
}

export type ServiceDefinitions<S> = { readonly [K in keyof S]?: ServiceDefinition<S[K]> }
