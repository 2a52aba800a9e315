/**
 * Reads of one operation.
 *
 * The first batch goes out as context + statements under one Sync and no BEGIN: an implicit
 * transaction, read-only, one round trip, and the connection is free again at once. An operation
 * that asks for more after its first tick needs one snapshot over all of it: it is run again,
 * from its start, inside REPEATABLE READ READ ONLY, and is remembered as one that does.
 * (Reads have no effects, so a second run changes nothing.)
 */
import { abortFault, HoldfastError } from '../base/fault.ts'
import { markAnswered } from '../runtime/answered-failures.ts'
import { ANSWER_GRACE_MS } from './answer-grace.ts'
import type { Connection } from './connection.ts'
import { acquireFor, type Observed, observedBatch } from './observed.ts'
import { type Pool, rollback } from './pool.ts'
import { beforeNextRun } from './run-transaction.ts'
import { endOfScope, scopeClosed } from './scope-closed.ts'
import { ConnectionLostError, hasState, isRetryable, sqlstate } from './sqlstate.ts'
import type { Row, Rows, Statement } from './statement.ts'
import { TickQueue } from './tick-queue.ts'

/** How long a snapshot may be read, and for whom. */
export interface SnapshotOptions {
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
  readonly context: () => readonly Statement[]
  /** Raises where the snapshot is worth nothing any more: last in each batch. */
  readonly snapshotCheck?: Statement
  /** Kept by the caller per operation: whether it needs one snapshot over several batches. */
  readonly memory: SnapshotMemory
  /** The work that this belongs to: its batches and its waits are counted there. */
  readonly observed?: Observed
  /** Keep the stack of the place that closed it, for HF_SCOPE_CLOSED. */
  readonly stacks?: boolean
}

export interface SnapshotMemory {
  several: boolean
}

/** Reads one snapshot; statements asked for in one tick travel together. */
export interface Reader {
  query<R = Row>(statement: Statement): Promise<Rows<R>>
}

const BEGIN: Statement = { text: 'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY', values: [] }
const COMMIT: Statement = { text: 'COMMIT', values: [] }

/** Thrown through the handler to begin it anew; a handler that swallows it fails at its end. */
class NeedsOneSnapshot extends Error {}

/** Reads are tried again on another connection, with fresh plans, or past a migration, at most this
 *  often. A migration that has told itself takes some milliseconds more to commit. */
const ATTEMPTS_MAX = 6

class Snapshot implements Reader {
  readonly #pool: Pool
  readonly #options: SnapshotOptions
  readonly #several: boolean
  readonly #queue = new TickQueue((statements) => this.#send(statements))
  #connection: Connection | undefined
  #batches = 0
  #closed = false
  #closedAt: Error | undefined
  failure: unknown

  constructor(pool: Pool, options: SnapshotOptions) {
    this.#pool = pool
    this.#options = options
    this.#several = options.memory.several
  }

  query<R = Row>(statement: Statement): Promise<Rows<R>> {
    if (this.#closed) throw scopeClosed(this.#closedAt)
    return this.#queue.add<R>(statement)
  }

  async #send(statements: readonly Statement[]): Promise<readonly Rows[]> {
    try {
      if (this.failure !== undefined) throw this.failure
      this.#assertGoing()
      this.#batches++
      return await (this.#several ? this.#sendSeveral(statements) : this.#sendSingle(statements))
    } catch (error) {
      this.failure ??= error
      // Whoever asked may have stopped waiting: the whole fails with this error all the same.
      markAnswered(error)
      throw error
    }
  }

  async #sendSingle(statements: readonly Statement[]): Promise<readonly Rows[]> {
    // Two statements of one tick are already more than one snapshot at READ COMMITTED.
    if (this.#batches > 1) throw new NeedsOneSnapshot()
    const connection = await this.#acquire()
    const one = statements.length === 1
    const [head, tail] = one ? [[], []] : [[BEGIN], [COMMIT]]
    const prefix = [...head, ...this.#options.context()]
    const check = one ? [] : this.#check()
    const results = await this.#run(connection, [...prefix, ...statements, ...check, ...tail])
    await this.#release()
    return results.slice(prefix.length, prefix.length + statements.length)
  }

  async #sendSeveral(statements: readonly Statement[]): Promise<readonly Rows[]> {
    const begun = this.#connection !== undefined
    const connection = this.#connection ?? (await this.#acquire())
    const prefix = begun ? [] : [BEGIN, ...this.#options.context()]
    const results = await this.#run(connection, [...prefix, ...statements, ...this.#check()])
    return results.slice(prefix.length, prefix.length + statements.length)
  }

  #check(): readonly Statement[] {
    const { snapshotCheck } = this.#options
    return snapshotCheck === undefined ? [] : [snapshotCheck]
  }

  #run(connection: Connection, statements: readonly Statement[]): Promise<readonly Rows[]> {
    const { deadlineMs, observed } = this.#options
    const leftMs = deadlineMs - this.#pool.clock.monotonicMs()
    const answerTimeoutMs = Math.max(0, leftMs) + ANSWER_GRACE_MS
    return observedBatch(this.#pool.clock, observed, statements, () =>
      connection.run(statements, { answerTimeoutMs }),
    )
  }

  #assertGoing(): void {
    const { signal, deadlineMs } = this.#options
    if (signal?.aborted) throw abortFault(signal)
    if (deadlineMs <= this.#pool.clock.monotonicMs()) {
      throw new HoldfastError('HF_DEADLINE_EXCEEDED')
    }
  }

  #disarm: (() => void) | undefined

  async #acquire(): Promise<Connection> {
    const { observed, deadlineMs } = this.#options
    const connection = await acquireFor(this.#pool, observed, deadlineMs)
    this.#connection = connection
    const cancel = () => {
      if (this.#queue.sending) void connection.cancel()
    }
    const leftMs = this.#options.deadlineMs - this.#pool.clock.monotonicMs()
    const disarmTimer = this.#pool.clock.after(leftMs, cancel)
    this.#options.signal?.addEventListener('abort', cancel, { once: true })
    this.#disarm = () => {
      disarmTimer()
      this.#options.signal?.removeEventListener('abort', cancel)
    }
    // The wait may have been long: who is gone by now was not heard.
    this.#assertGoing()
    return connection
  }

  async #release(): Promise<void> {
    this.#disarm?.()
    const connection = this.#connection
    this.#connection = undefined
    await connection?.release()
  }

  /** Nobody waits for the COMMIT of a read: the reply goes out and the connection follows. */
  async end(): Promise<void> {
    while (this.#queue.busy) await this.#queue.settle()
    this.#closed = true
    if (this.#options.stacks) this.#closedAt ??= endOfScope()
    const connection = this.#connection
    if (connection === undefined) return
    if (this.failure === undefined)
      void connection
        .run([COMMIT])
        .catch(() => {})
        .then(() => this.#release())
    else await this.#abandon(connection)
  }

  async #abandon(connection: Connection): Promise<void> {
    if (!connection.broken) await rollback(connection)
    await this.#release()
  }
}

/** Runs `work` over one snapshot; see the header for when it runs twice. */
export async function readSnapshot<T>(
  pool: Pool,
  options: SnapshotOptions,
  work: (reader: Reader) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const snapshot = new Snapshot(pool, options)
    try {
      const value = await work(snapshot)
      await snapshot.end()
      if (snapshot.failure !== undefined) throw snapshot.failure
      return value
    } catch (error) {
      snapshot.failure ??= error
      await snapshot.end()
      const { failure } = snapshot
      if (failure instanceof NeedsOneSnapshot) options.memory.several = true
      else if (!isRetryable(failure)) throw meaning(error, options)
      else if (attempt >= ATTEMPTS_MAX && failure instanceof ConnectionLostError)
        throw meaning(failure, options)
      else await beforeNextRun(pool, options, failure, attempt, ATTEMPTS_MAX)
    }
  }
}

function meaning(error: unknown, options: SnapshotOptions): unknown {
  if (error instanceof ConnectionLostError) {
    return new HoldfastError('HF_DATABASE_UNAVAILABLE', undefined, { cause: error })
  }
  if (hasState(error, sqlstate.readOnlyTransaction)) {
    return new HoldfastError('HF_QUERY_WRITES', undefined, { cause: error })
  }
  if (!hasState(error, sqlstate.queryCanceled, sqlstate.lockNotAvailable)) return error
  if (options.signal?.aborted) return abortFault(options.signal, error)
  return new HoldfastError('HF_DEADLINE_EXCEEDED', undefined, { cause: error })
}
