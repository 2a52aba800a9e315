/**
 * Services: the dependencies of an app's modules, made at start in the order given, closed at stop
 * in the opposite order, replaced in tests by name.
 */
import { didYouMean } from '../base/did-you-mean.ts'
import { HoldfastError } from '../base/fault.ts'
import type { Config } from './config.ts'
import type { Log } from './log.ts'

/** What a service is started with. */
export interface ServiceContext {
  readonly config: Config
  readonly log: Log
}

/** A dependency that is made at start and closed at stop. */
export interface ServiceDefinition<T = unknown> {
  start(context: ServiceContext): T | Promise<T>
  stop?(service: T): void | Promise<void>
}

/** A definition for each service that an app's types name. */
export type ServiceDefinitions<S> = { readonly [K in keyof S]?: ServiceDefinition<S[K]> }

export interface RunningServices {
  /** By name, as handlers see them. */
  readonly services: Readonly<Record<string, unknown>>
  /** Stops what was started here, the last first. A failure does not keep the others from stopping. */
  stop(): Promise<void>
}

export interface StartServicesOptions {
  readonly definitions: ReadonlyMap<string, ServiceDefinition>
  readonly context: ServiceContext
  /** Ready-made services that stand in for the definition of the same name; never stopped here. */
  readonly replace?: Readonly<Record<string, unknown>>
}

/** Starts every service; where one fails, those already started are stopped and its error is thrown. */
export async function startServices(options: StartServicesOptions): Promise<RunningServices> {
  const { context, replace = {} } = options
  const services: Record<string, unknown> = { ...replace }
  const stops: Stop[] = []
  const running = {
    services: namedServices(services, NOBODY_MAKES),
    stop: () => stopAll(stops, context.log),
  }
  for (const [name, definition] of options.definitions) {
    if (Object.hasOwn(replace, name)) continue
    try {
      const service = await definition.start(context)
      services[name] = service
      stops.push({ name, run: async () => definition.stop?.(service) })
    } catch (error) {
      await running.stop()
      throw error
    }
  }
  return running
}

/** What the language itself asks any object for: is it a promise, does it serialize itself. */
const ASKED_OF_ANY = new Set(['then', 'toJSON'])

const NOBODY_MAKES = 'No module and not the app makes the service'

/** A service that is not there is an error where it is asked for, by name, and not `undefined`. */
export function namedServices(
  services: Readonly<Record<string, unknown>>,
  complaint: string,
): Readonly<Record<string, unknown>> {
  return new Proxy(services, {
    get(target, name) {
      if (typeof name === 'symbol' || ASKED_OF_ANY.has(name) || Object.hasOwn(target, name)) {
        return Reflect.get(target, name)
      }
      const hint = didYouMean(name, Object.keys(target))
      throw new HoldfastError('HF_APP_INVALID', `${complaint} "${name}"${hint}`)
    },
  })
}

interface Stop {
  readonly name: string
  run(): Promise<void>
}

async function stopAll(stops: Stop[], log: Log): Promise<void> {
  for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) {
    const { name } = stop
    await stop
      .run()
      .catch((error) => log.error({ err: error, service: name }, 'service did not stop'))
  }
}
