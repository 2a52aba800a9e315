/**
 * The registry: every operation, job, event and subscription of an app, found in its modules and
 * checked as a whole. Transports and loops see this and nothing else of the app. Whatever is wrong
 * is told at once, by name.
 */
import { didYouMean } from '../base/did-you-mean.ts'
import { HoldfastError } from '../base/fault.ts'
import { CursorSeal } from '../database/page.ts'
import { routeShape } from './binding.ts'
import type { AppDefinition } from './builder.ts'
import type { EventContract, JobContract, OperationContract } from './contract.ts'
import { isDefinition } from './definition.ts'
import type { HandlerDefinition, SubscriptionDefinition } from './handler.ts'
import type { ModuleDefinition } from './module.ts'
import { registerJob, registerOperation, registerSubscription } from './register.ts'
import type {
  RegisteredEvent,
  RegisteredJob,
  RegisteredOperation,
  RegisteredSubscription,
  Registry,
} from './registered.ts'

export type {
  DeclaredProblem,
  RegisteredAction,
  RegisteredCommand,
  RegisteredEvent,
  RegisteredJob,
  RegisteredOperation,
  RegisteredQuery,
  RegisteredSubscription,
  Registry,
} from './registered.ts'

type AnyContract = OperationContract | JobContract | EventContract
type AnyDefinition = AnyContract | HandlerDefinition | SubscriptionDefinition | ModuleDefinition

/** A definition and the module that exports it. */
interface Found<D> {
  readonly module: string
  readonly definition: D
}

/** What an app is registered from; `AppDefinition` is one. */
export type Registrable = Pick<AppDefinition, 'modules' | 'made' | 'services'>

/**
 * Builds the registry, or throws one HF_APP_INVALID with every finding. `seal` signs the cursors of
 * its lists; the default is good for one process alone.
 */
export function buildRegistry(
  app: Registrable,
  builtins: readonly object[] = [],
  seal: CursorSeal = CursorSeal.random(),
): Registry {
  const assembly = new Assembly(seal)
  for (const [index, namespace] of [...builtins, ...app.modules].entries()) {
    assembly.addModule(namespace, index - builtins.length)
  }
  assembly.link(app)
  return assembly.finish()
}

class Assembly {
  readonly #seal: CursorSeal
  readonly #findings: string[] = []
  readonly #modules = new Map<string, ModuleDefinition>()
  readonly #contracts = new Map<string, Found<AnyContract>>()
  readonly #handlers = new Map<string, Found<HandlerDefinition>>()
  readonly #subscriptions = new Map<string, Found<SubscriptionDefinition>>()
  readonly #seen = new Set<object>()

  readonly #operations = new Map<string, RegisteredOperation>()
  readonly #jobs = new Map<string, RegisteredJob>()
  readonly #events = new Map<string, RegisteredEvent>()

  constructor(seal: CursorSeal) {
    this.#seal = seal
  }

  addModule(namespace: object, index: number): void {
    const definitions = new Set(Object.values(namespace).filter(isDefinition) as AnyDefinition[])
    const modules = [...definitions].filter((definition) => definition.kind === 'module')
    const module = modules[0]
    if (module === undefined || modules.length > 1) {
      const count = module === undefined ? 'no module' : `${modules.length} modules`
      this.#complain(`modules[${index}] exports ${count}; export one defineModule(...) from it`)
      return
    }
    if (this.#modules.has(module.name)) this.#complain(`two modules are named "${module.name}"`)
    else this.#modules.set(module.name, module)
    for (const definition of definitions) {
      if (definition.kind !== 'module') this.#add(module.name, definition)
    }
  }

  #add(module: string, definition: Exclude<AnyDefinition, ModuleDefinition>): void {
    this.#seen.add(definition)
    const name = nameOf(definition)
    if (!name.startsWith(`${module}.`)) {
      this.#complain(
        `${told(definition)} is exported by the module "${module}" and not named for it`,
      )
    }
    if (definition.kind === 'handler') this.#addHandler({ module, definition })
    else if (definition.kind === 'subscription') {
      if (this.#subscriptions.has(name)) this.#complain(`two subscriptions are named "${name}"`)
      this.#subscriptions.set(name, { module, definition })
    } else this.#addContract({ module, definition })
  }

  #addContract(found: Found<AnyContract>): void {
    const key = contractKey(found.definition)
    const other = this.#contracts.get(key)
    if (other !== undefined && other.definition !== found.definition) {
      this.#complain(`two contracts are named "${found.definition.name}"`)
    }
    this.#contracts.set(key, found)
  }

  #addHandler(found: Found<HandlerDefinition>): void {
    const { contract } = found.definition
    const key = contractKey(contract)
    if (this.#handlers.has(key)) this.#complain(`${told(contract)} has two handlers`)
    this.#handlers.set(key, found)
    if (!this.#contracts.has(key)) this.#addContract({ module: found.module, definition: contract })
  }

  /** Holds what was found against each other. */
  link(app: Registrable): void {
    for (const definition of app.made) {
      if (!this.#seen.has(definition)) this.#complain(notRegistered(definition))
    }
    for (const found of this.#contracts.values()) this.#linkContract(found)
    this.#linkEvents()
    this.#checkRoutes()
    this.#checkServices(Object.keys(app.services))
  }

  #linkContract({ module, definition: contract }: Found<AnyContract>): void {
    if (contract.kind === 'event') return
    const handler = this.#handlers.get(contractKey(contract))?.definition
    if (handler === undefined) {
      this.#complain(`${told(contract)} has no handler: export one from the module "${module}"`)
    } else if (handler.contract !== contract) {
      this.#complain(`${told(contract)} is another contract than the one its handler was made for`)
    } else if (contract.kind === 'job') {
      this.#jobs.set(contract.name, registerJob(module, handler))
    } else {
      const complain = (finding: string) => this.#complain(finding)
      const operation = registerOperation(module, handler, this.#seal, complain)
      this.#operations.set(contract.name, operation)
    }
  }

  #linkEvents(): void {
    const found = [...this.#contracts.values()]
    const events = found.filter(
      (each): each is Found<EventContract> => each.definition.kind === 'event',
    )
    const subscriptions = this.#registeredSubscriptions()
    for (const { module, definition: contract } of events) {
      const own = subscriptions.filter(({ event }) => event === contract)
      this.#events.set(contract.name, { name: contract.name, module, contract, subscriptions: own })
    }
    for (const { name, event } of subscriptions) {
      if (this.#events.get(event.name)?.contract === event) continue
      const hint = didYouMean(event.name, this.#events.keys())
      this.#complain(`subscription "${name}": no module exports its event "${event.name}"${hint}`)
    }
  }

  #registeredSubscriptions(): readonly RegisteredSubscription[] {
    return [...this.#subscriptions.values()].map(({ module, definition }) =>
      registerSubscription(module, definition),
    )
  }

  #checkRoutes(): void {
    const routes = new Map<string, RegisteredOperation>()
    for (const operation of this.#operations.values()) {
      if (operation.http === undefined) continue
      const shape = routeShape(operation.http)
      const other = routes.get(shape)
      if (other !== undefined) {
        const both = `"${other.name}" (${other.http?.path}) and "${operation.name}"`
        this.#complain(
          `${both} answer the same requests: ${operation.http.method} ${operation.http.path}`,
        )
      }
      routes.set(shape, operation)
    }
  }

  #checkServices(ofApp: readonly string[]): void {
    const owners = new Map(ofApp.map((service) => [service, 'the app']))
    for (const module of this.#modules.values()) {
      for (const service of Object.keys(module.services)) {
        const owner = `the module "${module.name}"`
        const other = owners.get(service)
        if (other !== undefined) {
          this.#complain(`the service "${service}" is made by ${other} and by ${owner}`)
        }
        owners.set(service, owner)
      }
    }
  }

  finish(): Registry {
    if (this.#findings.length > 0) {
      const list = this.#findings.map((finding) => `\n  - ${finding}`).join('')
      const count = this.#findings.length === 1 ? '1 finding' : `${this.#findings.length} findings`
      const facts = { findings: this.#findings }
      throw new HoldfastError('HF_APP_INVALID', `${count} in the app:${list}\n`, { facts })
    }
    const subscriptions = [...this.#events.values()].flatMap((event) => event.subscriptions)
    return Object.freeze({
      modules: this.#modules,
      operations: this.#operations,
      jobs: this.#jobs,
      events: this.#events,
      subscriptions: new Map(subscriptions.map((each) => [each.name, each])),
    })
  }

  #complain(finding: string): void {
    this.#findings.push(finding)
  }
}

function nameOf(definition: Exclude<AnyDefinition, ModuleDefinition>): string {
  return definition.kind === 'handler' ? definition.contract.name : definition.name
}

function told(definition: Exclude<AnyDefinition, ModuleDefinition>): string {
  if (definition.kind === 'handler') return `the handler of ${told(definition.contract)}`
  return `${definition.kind} "${definition.name}"`
}

/** Commands, queries and actions share their names; jobs and events have their own. */
function contractKey(contract: AnyContract): string {
  const space = contract.kind === 'job' || contract.kind === 'event' ? contract.kind : 'operation'
  return `${space} ${contract.name}`
}

function notRegistered(definition: HandlerDefinition | SubscriptionDefinition): string {
  const module = nameOf(definition).split('.')[0]
  return `${told(definition)} was made and no module exports it: add it to the index.ts of "${module}"`
}
