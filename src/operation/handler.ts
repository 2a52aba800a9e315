/**
 * Handlers: what runs. The types here give a handler its input, its transaction, the problems it
 * declared and the services of the app, all from the contract, with nothing to annotate.
 */
import type { InputOf, OutputOf, Schema } from '../base/schema.ts'
import type { Scope } from '../runtime/scope.ts'
import type {
  ActionContract,
  BackoffOption,
  CommandContract,
  EventContract,
  JobContract,
  QueryContract,
} from './contract.ts'
import type { LimitOption } from './limit.ts'
import type { AnyListHandler } from './list-handler.ts'
import type { Fail, ProblemMap } from './problem.ts'
import type { AllowRule } from './rule.ts'
import type { AuthenticateRequest } from './signed-request.ts'
import type { Call, ReadUnit, UnitOfWork } from './unit-of-work-types.ts'

export type Awaitable<T> = T | Promise<T>

/** Of a transaction, as Postgres names it. */
export type Isolation = 'serializable' | 'repeatable read' | 'read committed'

/** What an `around` sees of the operation that it goes around. */
export interface AroundFacts {
  readonly operation: string
  readonly input: unknown
  readonly scope: Scope
}

/**
 * Goes around `run` (inside its transaction) or `act`. It calls `next` once and returns what it
 * gets, or throws; the steps before and after are fixed.
 */
export type Around = (next: () => Promise<unknown>, facts: AroundFacts) => Promise<unknown>

export interface OperationHandlerOptions {
  /** Who may. Required: no rule, no start. */
  readonly allow: AllowRule
  readonly limit?: LimitOption
  readonly around?: Around | readonly Around[]
  /** The longest that the operation may take, in milliseconds. */
  readonly timeoutMs?: number
  /** The largest reply, in bytes of JSON. */
  readonly replyBytesMax?: number
}

interface OperationContext<I extends Schema, P, S> {
  readonly input: OutputOf<I>
  readonly scope: Scope
  /** Ways to refuse: `throw fail.insufficientStock({ sku })`. */
  readonly fail: Fail<P>
  readonly services: S
}

export interface CommandContext<I extends Schema, P, DB, S> extends OperationContext<I, P, S> {
  readonly tx: UnitOfWork<DB>
  /** The entity-tag that the caller has seen, unquoted, or `*`; see `ifMatch` of the contract. */
  readonly ifMatch: string | undefined
}

export interface CommandHandler<I extends Schema, O extends Schema, P, DB, S>
  extends OperationHandlerOptions {
  /** Default `serializable`. `read committed` is for guarded single statements. */
  readonly isolation?: Isolation
  /** How often the whole handler may run when transactions collide. */
  readonly attemptsMax?: number
  /** In place of an API key: `signedBy(...)`, for messages of a service that signs them. */
  readonly authenticate?: AuthenticateRequest<S>
  /** May run again from the start when transactions collide: no calls outside, no state of its own. */
  run(context: CommandContext<I, P, DB, S>): Awaitable<InputOf<O>>
}

export interface QueryContext<I extends Schema, P, DB, S> extends OperationContext<I, P, S> {
  readonly tx: ReadUnit<DB>
}

export interface QueryHandler<I extends Schema, O extends Schema, P, DB, S>
  extends OperationHandlerOptions {
  run(context: QueryContext<I, P, DB, S>): Awaitable<InputOf<O>>
}

export interface ActionContext<I extends Schema, P, S> extends OperationContext<I, P, S> {
  /** Runs a command or a query as a unit of work of its own, with a key derived from the caller's. */
  readonly call: Call
  /** Hand it to every call outside. */
  readonly signal: AbortSignal
}

export interface ActionHandler<I extends Schema, O extends Schema, P, S>
  extends OperationHandlerOptions {
  /** In place of an API key: `signedBy(...)`, for messages of a service that signs them. */
  readonly authenticate?: AuthenticateRequest<S>
  act(context: ActionContext<I, P, S>): Awaitable<InputOf<O>>
}

/** The job that is being run, and which attempt this is. */
export interface JobFacts {
  readonly id: string
  readonly name: string
  readonly queue: string
  /** 1 for the first. */
  readonly attempt: number
  readonly attemptsMax: number
  readonly key: string | undefined
  /** RFC 3339, UTC, microseconds. */
  readonly enqueuedAt: string
}

interface JobContext<P extends Schema, S> {
  readonly payload: OutputOf<P>
  readonly scope: Scope
  readonly job: JobFacts
  readonly services: S
}

export interface JobRunContext<P extends Schema, DB, S> extends JobContext<P, S> {
  readonly tx: UnitOfWork<DB>
}

export interface JobActContext<P extends Schema, S> extends JobContext<P, S> {
  readonly call: Call
  readonly signal: AbortSignal
}

export interface JobDeadContext<P extends Schema, DB, S> extends JobRunContext<P, DB, S> {
  /** Of the last attempt, as it stands with the dead letter: for people of yours, not for callers. */
  readonly error: string
}

interface Mortal<P extends Schema, DB, S> {
  /**
   * What to do once the attempts are used up: in a transaction of its own, run by a job that follows
   * the death and is tried again like any other. The dead letter may be replayed afterwards.
   */
  whenDead?(context: JobDeadContext<P, DB, S>): Awaitable<void>
}

/** In one transaction that also completes the job: done once, or not at all. */
export interface JobRunHandler<P extends Schema, DB, S> extends Mortal<P, DB, S> {
  readonly isolation?: Isolation
  run(context: JobRunContext<P, DB, S>): Awaitable<void>
  readonly act?: never
}

/** May call outside; completed afterwards, so that a crash in between runs it again. */
export interface JobActHandler<P extends Schema, DB, S> extends Mortal<P, DB, S> {
  act(context: JobActContext<P, S>): Awaitable<void>
  readonly run?: never
}

export type JobHandler<P extends Schema, DB, S> = JobRunHandler<P, DB, S> | JobActHandler<P, DB, S>

/** The event that a subscription handles. */
export interface EventFacts<P extends Schema> {
  readonly id: string
  readonly name: string
  readonly payload: OutputOf<P>
  readonly key: string | undefined
  /** In the event log; a decimal number too large for a JavaScript number in the end. */
  readonly position: string
  /** When it was stated: RFC 3339, UTC, microseconds. */
  readonly at: string
}

export interface SubscriptionContext<P extends Schema, DB, S> {
  readonly event: EventFacts<P>
  readonly tx: UnitOfWork<DB>
  readonly scope: Scope
  readonly services: S
}

export interface SubscriptionHandler<P extends Schema, DB, S> {
  /** `module.subscription-name`; its position is stored under it, so it never changes. */
  readonly name: string
  readonly isolation?: Isolation
  readonly attemptsMax?: number
  readonly backoff?: Partial<BackoffOption>
  /** For one attempt. */
  readonly timeoutMs?: number
  /** In one transaction that also moves the position: done once for each event. */
  run(context: SubscriptionContext<P, DB, S>): Awaitable<void>
}

export type HandledContract = CommandContract | QueryContract | ActionContract | JobContract

/** The handler that a contract asks for. */
export type HandlerFor<C, DB, S> =
  C extends CommandContract<infer I, infer O, infer P>
    ? CommandHandler<I, O, P, DB, S>
    : C extends QueryContract<infer I, infer O, infer P>
      ? QueryHandler<I, O, P, DB, S>
      : C extends ActionContract<infer I, infer O, infer P>
        ? ActionHandler<I, O, P, S>
        : C extends JobContract<infer P>
          ? JobHandler<P, DB, S>
          : never

/** The same handlers as the registry and the executor see them: contract and types apart. */
export type AnyCommandHandler = CommandHandler<Schema, Schema, ProblemMap, unknown, unknown>
export type AnyQueryHandler = QueryHandler<Schema, Schema, ProblemMap, unknown, unknown>
export type AnyActionHandler = ActionHandler<Schema, Schema, ProblemMap, unknown>
export type AnyOperationHandler = AnyCommandHandler | AnyQueryHandler | AnyActionHandler
export type AnyJobHandler = JobHandler<Schema, unknown, unknown>
export type AnySubscriptionHandler = SubscriptionHandler<Schema, unknown, unknown>

/** What `handle` gives; exported by a module, found by the registry. */
export interface HandlerDefinition {
  readonly kind: 'handler'
  readonly contract: HandledContract
  readonly handler: AnyOperationHandler | AnyJobHandler | AnyListHandler
}

/** What `subscribe` gives. */
export interface SubscriptionDefinition {
  readonly kind: 'subscription'
  readonly name: string
  readonly event: EventContract
  readonly handler: AnySubscriptionHandler
}
