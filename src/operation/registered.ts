/** What the registry holds: definitions checked, compiled and with their defaults filled in. */
import type { JsonSchema } from '../base/schema.ts'
import type { HttpBinding } from './binding.ts'
import type {
  ActionContract,
  BackoffOption,
  CommandContract,
  EventContract,
  JobContract,
  QueryContract,
} from './contract.ts'
import type {
  AnyActionHandler,
  AnyCommandHandler,
  AnyJobHandler,
  AnyQueryHandler,
  AnySubscriptionHandler,
  Around,
  Isolation,
} from './handler.ts'
import type { Assemble } from './input.ts'
import type { Limit } from './limit.ts'
import type { ListPlan } from './list-handler.ts'
import type { ModuleDefinition } from './module.ts'
import type { Fail, ProblemDefinition, ProblemMap } from './problem.ts'
import type { AllowRule } from './rule.ts'
import type { AuthenticateRequest } from './signed-request.ts'
import type { StrictWalker } from './strict.ts'

export interface DeclaredProblem {
  /** In the contract's `problems`. */
  readonly key: string
  readonly definition: ProblemDefinition
}

interface RegisteredParts {
  readonly name: string
  readonly module: string
  readonly http: HttpBinding | undefined
  readonly allow: AllowRule
  /** In place of an API key. */
  readonly authenticate: AuthenticateRequest | undefined
  readonly limit: Limit | undefined
  /** From the outermost to the innermost. */
  readonly around: readonly Around[]
  /** Undefined: the default of the server. */
  readonly timeoutMs: number | undefined
  readonly replyBytesMax: number
  readonly inputSchema: JsonSchema
  readonly outputSchema: JsonSchema
  /** By code. */
  readonly problems: ReadonlyMap<string, DeclaredProblem>
  /** From the name of a constraint to the problem that its violation is. */
  readonly constraints: ReadonlyMap<string, DeclaredProblem>
  readonly fail: Fail<ProblemMap>
  /** Unknown fields and forbidden names in an input; run before the schema. */
  readonly unknownFields: StrictWalker
  /** Path, query and body to one input; undefined where there is no HTTP binding. */
  readonly assemble: Assemble | undefined
}

export interface RegisteredCommand extends RegisteredParts {
  readonly kind: 'command'
  readonly contract: CommandContract
  readonly handler: AnyCommandHandler
  readonly isolation: Isolation
  /** How often the handler may run when transactions collide. */
  readonly attemptsMax: number
}

export interface RegisteredQuery extends RegisteredParts {
  readonly kind: 'query'
  readonly contract: QueryContract
  readonly handler: AnyQueryHandler
  /** Where it is a declared list. */
  readonly list: ListPlan | undefined
}

export interface RegisteredAction extends RegisteredParts {
  readonly kind: 'action'
  readonly contract: ActionContract
  readonly handler: AnyActionHandler
}

export type RegisteredOperation = RegisteredCommand | RegisteredQuery | RegisteredAction

export interface RegisteredJob {
  readonly name: string
  readonly module: string
  readonly contract: JobContract
  readonly handler: AnyJobHandler
  /** Of a `run` handler. */
  readonly isolation: Isolation
}

export interface RegisteredSubscription {
  readonly name: string
  readonly module: string
  readonly event: EventContract
  readonly handler: AnySubscriptionHandler
  readonly isolation: Isolation
  readonly attemptsMax: number
  readonly backoff: BackoffOption
  /** For one attempt. */
  readonly timeoutMs: number
}

export interface RegisteredEvent {
  readonly name: string
  readonly module: string
  readonly contract: EventContract
  readonly subscriptions: readonly RegisteredSubscription[]
}

/** Everything that the modules of an app export, by name, checked together. */
export interface Registry {
  readonly modules: ReadonlyMap<string, ModuleDefinition>
  readonly operations: ReadonlyMap<string, RegisteredOperation>
  readonly jobs: ReadonlyMap<string, RegisteredJob>
  readonly events: ReadonlyMap<string, RegisteredEvent>
  readonly subscriptions: ReadonlyMap<string, RegisteredSubscription>
}
