/**
 * The user's `tx`: the transaction, the builder, and the buffers of everything that the closing
 * batch will carry. One unit per attempt; `as()` gives the same unit to a called command under its
 * own module and name.
 */
import type { Kysely } from 'kysely'
import { HoldfastError } from '../base/fault.ts'
import { uuidv7 } from '../base/id.ts'
import type { InputOf, OutputOf, Schema } from '../base/schema.ts'
import { expectRows } from '../database/expect-rows.ts'
import type { OperationGuard } from '../database/guard.ts'
import { compiled, isCompilable, kyselyOver } from '../database/kysely.ts'
import type { Compilable, Row, Rows, Statement } from '../database/statement.ts'
import type { Transaction } from '../database/transaction.ts'
import type { NewEvent } from '../state/event/event.ts'
import type { NewJob } from '../state/job/job.ts'
import type { CommandContract, EventContract, JobContract } from './contract.ts'
import { encodePayload } from './payload.ts'
import type { ProblemError } from './problem.ts'
import type { DeclaredProblem } from './registered.ts'
import type {
  DeferOptions,
  EnqueueOptions,
  ReadUnit,
  TypedStatement,
  UnitOfWork,
  VersionOptions,
} from './unit-of-work-types.ts'

type Query = (statement: Statement) => Promise<Rows>

/** The reading half, over a transaction or over a snapshot. */
export class ReadUnitOver<DB> implements ReadUnit<DB> {
  readonly #query: Query
  readonly #guard: OperationGuard
  #db: Kysely<DB> | undefined

  constructor(query: Query, guard: OperationGuard) {
    this.#query = query
    this.#guard = guard
  }

  get db(): Kysely<DB> {
    this.#db ??= kyselyOver<DB>((statement) => this.send(statement))
    return this.#db
  }

  protected send(statement: Statement): Promise<Rows> {
    return this.#query(this.#guard.check(statement))
  }

  protected checkedLate(statement: Statement): Statement {
    return this.#guard.check(statement, 'deferred')
  }

  async query<R = Row>(statement: TypedStatement<R>): Promise<R[]> {
    const { rows } = await this.send(statement)
    return rows as R[]
  }

  async one<R = Row>(statement: TypedStatement<R>): Promise<R> {
    const row = await this.maybeOne(statement)
    if (row === undefined) throw new HoldfastError('HF_NO_ROW', `No row for: ${statement.text}.`)
    return row
  }

  async maybeOne<R = Row>(statement: TypedStatement<R>): Promise<R | undefined> {
    const { rows } = await this.send(statement)
    if (rows.length > 1) {
      throw new HoldfastError('HF_MANY_ROWS', `${rows.length} rows for: ${statement.text}.`)
    }
    return rows[0] as R | undefined
  }
}

/** What is written at the end of a unit, whoever of its operations asked for it. */
export class UnitBuffers {
  readonly events: NewEvent[] = []
  readonly jobs: NewJob[] = []
  /** Problems to tell when an expected row count is missed; the server names them by place. */
  readonly expectations: (ProblemError | undefined)[] = []
  /** Problems by constraint: of the operation itself, then of the commands that were called. */
  readonly constraints: ReadonlyMap<string, DeclaredProblem>[] = []
  /** Called commands that have not ended. */
  callsOpen = 0
}

/** What events and jobs carry of the one that stated them. */
export interface Origin {
  readonly tenant: string
  readonly cause: string
  readonly requestId: string
  readonly traceparent: string
}

export type CallInUnit = (
  command: CommandContract,
  input: unknown,
  options: VersionOptions,
) => Promise<unknown>

/** Of every event until an operation's versions are mapped. */
const PAYLOAD_VERSION = 1

/** A command may state or enqueue this much; more belongs into several commands. */
const BUFFERED_MAX = 1_000

export class CommandUnit<DB> extends ReadUnitOver<DB> implements UnitOfWork<DB> {
  readonly #transaction: Transaction
  readonly #buffers: UnitBuffers
  readonly #origin: Origin
  readonly #call: CallInUnit

  constructor(
    transaction: Transaction,
    guard: OperationGuard,
    buffers: UnitBuffers,
    origin: Origin,
    call: CallInUnit,
  ) {
    super((statement) => transaction.query(statement), guard)
    this.#transaction = transaction
    this.#buffers = buffers
    this.#origin = origin
    this.#call = call
  }

  defer(statement: Statement | Compilable, options: DeferOptions = {}): void {
    const plain = isCompilable(statement) ? compiled(statement) : (statement as Statement)
    this.#transaction.defer(this.#expecting(this.checkedLate(plain), options))
  }

  #expecting(statement: Statement, options: DeferOptions): Statement {
    if (options.rows === undefined) return statement
    const place = this.#buffers.expectations.push(options.otherwise) - 1
    return expectRows(statement, options.rows, place)
  }

  emit<P extends Schema>(event: EventContract<P>, payload: InputOf<P>): void {
    this.#assertOpen()
    const { value, json } = encodePayload(event, payload)
    this.#buffers.events.push({
      id: uuidv7(),
      name: event.name,
      version: PAYLOAD_VERSION,
      key: event.key?.(value as OutputOf<P>),
      payload: json,
      ...this.#origin,
    })
    this.#assertBuffered(this.#buffers.events.length, 'events')
  }

  enqueue<P extends Schema>(
    job: JobContract<P>,
    payload: InputOf<P>,
    options: EnqueueOptions = {},
  ): string {
    this.#assertOpen()
    const { value, json } = encodePayload(job, payload)
    const id = uuidv7()
    this.#buffers.jobs.push({
      id,
      name: job.name,
      queue: job.queue,
      payload: json,
      priority: options.priority ?? job.priority,
      runAt: options.runAt,
      attemptsMax: job.attemptsMax,
      key: options.key ?? job.key?.(value as OutputOf<P>),
      ...this.#origin,
    })
    this.#assertBuffered(this.#buffers.jobs.length, 'jobs')
    return id
  }

  #assertBuffered(count: number, what: string): void {
    if (count <= BUFFERED_MAX) return
    throw new HoldfastError('HF_EVENT_INVALID', `More than ${BUFFERED_MAX} ${what} in one command.`)
  }

  #assertOpen(): void {
    this.#transaction.assertUsable()
  }

  call<I extends Schema, O extends Schema>(
    command: CommandContract<I, O>,
    input: InputOf<I>,
    options: VersionOptions = {},
  ): Promise<OutputOf<O>> {
    this.#assertOpen()
    const called = this.#call(command as unknown as CommandContract, input, options)
    return called as Promise<OutputOf<O>>
  }

  id(): string {
    return uuidv7()
  }
}
