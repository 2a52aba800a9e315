/**
 * One transaction in as few round trips as it can be. It knows no capability: stores hand it
 * statements.
 *
 * States:
 * - `unopened`: nothing was sent, no connection is held;
 * - `open`: BEGIN, the opening statements and the first statements of the user travelled as one
 *   batch; a connection is held;
 * - `failed`: a statement failed; the server refuses everything but ROLLBACK, and so do we;
 * - `closing`: the closing batch (what is pending, what was deferred, what the stores add, COMMIT)
 *   is on its way; nothing may cancel it any more;
 * - `closed`: committed or rolled back. Any use is HF_SCOPE_CLOSED.
 *
 * Statements asked for in one tick join one batch, so `Promise.all` of independent ones is one
 * round trip. k awaited statements cost k + 1 round trips, and none at all costs one.
 */
import { assert } from '../base/assert.ts'
import { abortFault, HoldfastError } from '../base/fault.ts'
import { markAnswered } from '../runtime/answered-failures.ts'
import { ANSWER_GRACE_MS } from './answer-grace.ts'
import type { Connection } from './connection.ts'
import { remainingStatement } from './context.ts'
import { acquireFor, type Observed, observedBatch } from './observed.ts'
import { type Pool, rollback } from './pool.ts'
import { endOfScope, scopeClosed } from './scope-closed.ts'
import { ConnectionLostError } from './sqlstate.ts'
import type { Row, Rows, Statement } from './statement.ts'
import { TickQueue } from './tick-queue.ts'

/** Of a transaction, as Postgres names it. */
export type Isolation = 'serializable' | 'repeatable read' | 'read committed'

/** What a transaction begins with, and until when it has time. */
export interface TransactionOptions {
  readonly isolation: Isolation
  /** By clock.monotonicMs: at this moment a running statement is cancelled. */
  readonly deadlineMs: number
  /** The caller went away: a running statement is cancelled. */
  readonly signal?: AbortSignal | undefined
  /** Sent right behind BEGIN, before any statement of the user: the context, the claim. `single`:
   *  everything up to COMMIT travels in this one batch, so that the outcome is known already. */
  readonly opening: (stage: OpeningStage) => readonly Statement[]
  /** How the outcome of a lost COMMIT is found out: the xid that the opening returned, or by the
   *  caller (an idempotency key); then BEGIN and COMMIT may share a batch. */
  readonly inDoubt: 'xid' | 'caller'
  /** Raises where the snapshot of the transaction is worth nothing any more. Asked before the result
   *  counts, whatever it is; READ COMMITTED keeps no snapshot. */
  readonly snapshotCheck?: Statement
  /** The work that this belongs to: its batches and its waits are counted there. */
  readonly observed?: Observed
  /** Keep the stack of the place that closed it, for HF_SCOPE_CLOSED. Costs some microseconds. */
  readonly stacks?: boolean
}

export type OpeningStage = 'first' | 'single'

type State = 'unopened' | 'open' | 'failed' | 'closing' | 'closed'

/** Below this the server's statement_timeout is not set anew: our own cancel is exact. */
const TIMEOUT_REFRESH_MS = 200

export const BEGIN: Record<Isolation, Statement> = {
  serializable: { text: 'BEGIN ISOLATION LEVEL SERIALIZABLE', values: [] },
  'repeatable read': { text: 'BEGIN ISOLATION LEVEL REPEATABLE READ', values: [] },
  'read committed': { text: 'BEGIN ISOLATION LEVEL READ COMMITTED', values: [] },
}
export const COMMIT: Statement = { text: 'COMMIT', values: [] }
const ROLLBACK: Statement = { text: 'ROLLBACK', values: [] }

/** One transaction in as few round trips as it can be: k awaited statements cost k + 1. */
export class Transaction {
  readonly #pool: Pool
  readonly #options: TransactionOptions
  readonly #deferred: Statement[] = []
  readonly #beforeCommit: ((opening: readonly Rows[] | undefined) => readonly Statement[])[] = []
  #state: State = 'unopened'
  readonly #queue = new TickQueue((statements) => this.#flush(statements))
  #connection: Connection | undefined
  #openingRows: readonly Rows[] | undefined
  #failure: unknown
  #statementFailed = false
  #timeoutSetMs = 0
  #closedAt: Error | undefined
  #disarm: (() => void) | undefined

  constructor(pool: Pool, options: TransactionOptions) {
    this.#pool = pool
    this.#options = options
  }

  /** What the opening statements returned; undefined until the first batch has come back. */
  get openingRows(): readonly Rows[] | undefined {
    return this.#openingRows
  }

  get isolation(): Isolation {
    return this.#options.isolation
  }

  /** Committed or rolled back. */
  get ended(): boolean {
    return this.#state === 'closed'
  }

  /** The first error of a statement, also one that the work has swallowed. */
  get failure(): unknown {
    return this.#failure
  }

  /** Sends a statement with everything else of this tick. */
  query<R = Row>(statement: Statement): Promise<Rows<R>> {
    this.assertUsable()
    return this.#queue.add<R>(statement)
  }

  /** Writes with the closing batch: no round trip of its own, and its rows cannot be read. */
  defer(statement: Statement): void {
    this.assertUsable()
    this.#deferred.push(statement)
  }

  /** Statements that a store adds to the closing batch, asked for once, just before it is sent. */
  beforeCommit(hook: (opening: readonly Rows[] | undefined) => readonly Statement[]): void {
    this.assertUsable()
    this.#beforeCommit.push(hook)
  }

  /** Throws HF_SCOPE_CLOSED once the closing batch is on its way. */
  assertUsable(): void {
    if (this.#state === 'closing' || this.#state === 'closed') throw scopeClosed(this.#closedAt)
  }

  /** Something of the work cannot be committed, whoever catches the error. */
  fail(error: unknown): void {
    if (this.#state === 'open' || this.#state === 'unopened') this.#state = 'failed'
    this.#failure ??= error
  }

  async #flush(statements: readonly Statement[]): Promise<readonly Rows[]> {
    try {
      this.#assertGoing()
      const prefix = await this.#prefix()
      const results = await this.#run([...prefix, ...statements])
      this.#keepOpening(prefix, results)
      return results.slice(prefix.length)
    } catch (error) {
      this.fail(error)
      // Whoever asked may have stopped waiting: the whole fails with this error all the same.
      markAnswered(error)
      throw error
    }
  }

  #assertGoing(): void {
    if (this.#state === 'failed') throw this.#failure
    if (this.#state === 'closed') throw scopeClosed(this.#closedAt)
    const { signal } = this.#options
    if (signal?.aborted) throw abortFault(signal)
    if (this.#remainingMs() <= 0) throw new HoldfastError('HF_DEADLINE_EXCEEDED')
  }

  #remainingMs(): number {
    return this.#options.deadlineMs - this.#pool.clock.monotonicMs()
  }

  /** What has to travel ahead: BEGIN and the opening at first, the shrunken timeout later. */
  async #prefix(stage: OpeningStage = 'first'): Promise<readonly Statement[]> {
    if (this.#connection === undefined) {
      await this.#open()
      return [BEGIN[this.#options.isolation], ...this.#options.opening(stage)]
    }
    const nowMs = this.#pool.clock.monotonicMs()
    if (nowMs - this.#timeoutSetMs < TIMEOUT_REFRESH_MS) return []
    this.#timeoutSetMs = nowMs
    return [remainingStatement(this.#remainingMs())]
  }

  async #open(): Promise<void> {
    const { observed, deadlineMs } = this.#options
    this.#connection = await acquireFor(this.#pool, observed, deadlineMs)
    if (this.#state === 'unopened') this.#state = 'open'
    this.#timeoutSetMs = this.#pool.clock.monotonicMs()
    this.#disarm = this.#armCancel(this.#connection)
    // The wait may have been long: who is gone by now was not heard, and has nothing to send.
    this.#assertGoing()
  }

  #keepOpening(prefix: readonly Statement[], results: readonly Rows[]): void {
    if (this.#openingRows === undefined) this.#openingRows = results.slice(1, prefix.length)
  }

  /** Cancels what runs when the deadline passes or the caller goes away. */
  #armCancel(connection: Connection): () => void {
    const { signal } = this.#options
    const cancel = () => {
      if (this.#queue.sending && this.#state !== 'closing') void connection.cancel()
    }
    const disarmTimer = this.#pool.clock.after(this.#remainingMs(), cancel)
    signal?.addEventListener('abort', cancel, { once: true })
    return () => {
      disarmTimer()
      signal?.removeEventListener('abort', cancel)
    }
  }

  async #run(statements: readonly Statement[], closing = false): Promise<Rows[]> {
    if (statements.length === 0) return []
    const answerTimeoutMs = Math.max(0, this.#remainingMs()) + ANSWER_GRACE_MS
    try {
      return await observedBatch(this.#pool.clock, this.#options.observed, statements, () =>
        (this.#connection as Connection).run(statements, { closing, answerTimeoutMs }),
      )
    } catch (error) {
      this.#statementFailed = true
      throw error
    }
  }

  /**
   * The closing batch. Rejects with the error of the statement that failed (nothing is left then),
   * or with ConnectionLostError { closingSent: true } where the outcome is in doubt.
   */
  async commit(): Promise<void> {
    await this.#settle()
    if (this.#state === 'failed') throw this.#failure
    this.#assertGoing()
    await this.#closeWith(async () => {
      const alone = this.#connection === undefined && this.#options.inDoubt === 'xid'
      if (alone) await this.#openAlone()
      const prefix = await this.#prefix('single')
      return [...prefix, ...this.#closingStatements(), ...this.#check(), COMMIT]
    })
  }

  /** What was asked for and not awaited comes first: its failure must not be overlooked. */
  async #settle(): Promise<void> {
    this.assertUsable()
    while (this.#queue.busy) await this.#queue.settle()
  }

  /** From here on nobody asks for more, and nothing cancels: what was sent may be committed. */
  async #closeWith(statements: () => Promise<readonly Statement[]>): Promise<void> {
    this.#state = 'closing'
    try {
      const results = await this.#run(await statements(), true)
      // The answer to the COMMIT of a transaction that has failed is ROLLBACK, and no error.
      assert(results.at(-1)?.command === 'COMMIT', 'Bug: COMMIT did not commit.')
    } catch (error) {
      this.#state = 'failed'
      this.#failure = error
      throw error
    }
    await this.#close()
  }

  /** Nothing to ask before the snapshot was taken; nothing can be asked once a statement has failed. */
  #check(): readonly Statement[] {
    const { snapshotCheck, isolation } = this.#options
    if (snapshotCheck === undefined || isolation === 'read committed') return []
    return this.#openingRows === undefined || this.#statementFailed ? [] : [snapshotCheck]
  }

  #closingStatements(): readonly Statement[] {
    return [...this.#deferred, ...this.#beforeCommit.flatMap((hook) => hook(this.#openingRows))]
  }

  /** Without a key the outcome of a lost COMMIT is found by xid, which must be known before. */
  async #openAlone(): Promise<void> {
    const prefix = await this.#prefix()
    this.#keepOpening(prefix, await this.#run(prefix))
  }

  /**
   * ROLLBACK, and in the same batch a transaction of its own: BEGIN, the opening, `statements`,
   * COMMIT. For an outcome that is stored although the work is not: a declared problem.
   */
  async rollbackAndStore(statements: readonly Statement[]): Promise<void> {
    await this.#settle()
    await this.#closeWith(async () => {
      const opening = () => [BEGIN['read committed'], ...this.#options.opening('single')]
      return [...(await this.#undo()), ...opening(), ...statements, COMMIT]
    })
  }

  /** ROLLBACK, and in the same batch `statements` in a transaction of their own; their rows. */
  async rollbackAndRead(statements: readonly Statement[]): Promise<readonly Rows[]> {
    await this.#settle()
    this.#state = 'closing'
    const undo = await this.#undo()
    const all = [...undo, BEGIN['read committed'], ...statements, COMMIT]
    const results = await this.#run(all)
    await this.#close()
    return results.slice(undo.length + 1, -1)
  }

  async #undo(): Promise<readonly Statement[]> {
    const started = this.#connection !== undefined
    if (!started) await this.#open()
    if (this.#connection?.broken) throw new ConnectionLostError(this.#failure, false)
    if (!started) return []
    return [...this.#check(), ROLLBACK]
  }

  /** Gives everything back. Never throws; may be called in any state and again. */
  async rollback(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#rememberClose()
    while (this.#queue.busy) await this.#queue.settle()
    if (this.#connection !== undefined) await this.#rollbackOn(this.#connection)
    await this.#giveBack()
  }

  async #rollbackOn(connection: Connection): Promise<void> {
    if (connection.broken) return
    // What the work has thrown may rest on rows that it could not see.
    await this.#run(this.#check()).catch((error) => {
      this.#failure = error
    })
    // A connection that cannot even roll back is broken now, and `release` throws it away.
    await rollback(connection)
  }

  async #close(): Promise<void> {
    this.#state = 'closed'
    this.#rememberClose()
    await this.#giveBack()
  }

  #rememberClose(): void {
    if (this.#options.stacks) this.#closedAt = endOfScope()
  }

  async #giveBack(): Promise<void> {
    this.#disarm?.()
    const connection = this.#connection
    this.#connection = undefined
    await connection?.release()
  }
}
