/**
 * What a handler works with. Types alone: contracts and handlers are checked against these, and
 * nothing here pulls in the code that runs them.
 */
import type { Kysely } from 'kysely'
import type { InputOf, OutputOf, Schema } from '../base/schema.ts'
import type { Compilable, Row, Statement } from '../database/statement.ts'
import type { CommandContract, EventContract, JobContract, QueryContract } from './contract.ts'
import type { ProblemError } from './problem.ts'

/** A statement that knows the shape of its rows: what the `sql` tag gives. */
export interface TypedStatement<R> extends Statement {
  readonly rowType?: R | undefined
}

/** The reading half: one snapshot, the tenant's rows alone, a statement timeout. */
export interface ReadUnit<DB> {
  /** Kysely over the same transaction; independent queries under `Promise.all` are one round trip. */
  readonly db: Kysely<DB>
  /** All rows. The statement needs a bound: a LIMIT, a unique key, or a declared one. */
  query<R = Row>(statement: TypedStatement<R>): Promise<R[]>
  /** The one row. None is HF_NO_ROW, several are HF_MANY_ROWS. */
  one<R = Row>(statement: TypedStatement<R>): Promise<R>
  /** The row, or undefined. Several are HF_MANY_ROWS. */
  maybeOne<R = Row>(statement: TypedStatement<R>): Promise<R | undefined>
}

/** What must be true of a deferred write, and what the caller is told where it is not. */
export interface DeferOptions {
  /** The statement must touch exactly so many rows, or the whole unit rolls back. */
  readonly rows?: number
  /** What the caller is told when it does not: `fail.stale()`. */
  readonly otherwise?: ProblemError
}

/** When and under which key a job runs, in place of what its contract says. */
export interface EnqueueOptions {
  /** Not before this time: RFC 3339, UTC. Default: at once. */
  readonly runAt?: string
  /** In place of the contract's key. */
  readonly key?: string
  /** In place of the contract's priority. 0 runs first, 9 last. */
  readonly priority?: number
}

/** One transaction: statements, events, jobs and deferred writes, all closed by one commit. */
export interface UnitOfWork<DB> extends ReadUnit<DB> {
  /** Joins the closing batch: no round trip of its own. */
  defer(statement: Statement | Compilable, options?: DeferOptions): void
  /** Appended to the event log when the unit commits. */
  emit<P extends Schema>(event: EventContract<P>, payload: InputOf<P>): void
  /** Enqueued when the unit commits. Returns the job's id, a UUIDv7. */
  enqueue<P extends Schema>(
    job: JobContract<P>,
    payload: InputOf<P>,
    options?: EnqueueOptions,
  ): string
  /** Runs another command in this transaction, with its own policy, audit entry and span. */
  call<I extends Schema, O extends Schema>(
    command: CommandContract<I, O>,
    input: InputOf<I>,
    options?: VersionOptions,
  ): Promise<OutputOf<O>>
  /** A new UUIDv7. */
  id(): string
}

export interface VersionOptions {
  /** The entity-tag that was seen, unquoted, or `*`: for commands that ask for If-Match. */
  readonly ifMatch?: string
}

export interface CallOptions extends VersionOptions {
  /** Tells two calls of the same command apart, so that each has an idempotency key of its own. */
  readonly key?: string
}

/** How actions and outbound jobs reach the database: each call is a unit of work of its own. */
export type Call = <I extends Schema, O extends Schema>(
  operation: CommandContract<I, O> | QueryContract<I, O>,
  input: InputOf<I>,
  options?: CallOptions,
) => Promise<OutputOf<O>>
