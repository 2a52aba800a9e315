/**
 * Runs work in a transaction as often as it takes: the whole of it again, with a new Transaction,
 * where the server or the network says that another run may succeed and nothing was left behind.
 */
import { type Backoff, backoffMs } from '../base/backoff.ts'
import { pause } from '../base/clock.ts'
import { abortFault, HoldfastError } from '../base/fault.ts'
import type { Pool } from './pool.ts'
import { ConnectionLostError, hasState, isRetryable, sqlstate } from './sqlstate.ts'
import type { Rows } from './statement.ts'
import { Transaction, type TransactionOptions } from './transaction.ts'

/** Options of `runTransaction`: those of the transaction, and how often it may run. */
export interface RunOptions extends TransactionOptions {
  readonly attemptsMax?: number
}

/** Collisions that five runs do not resolve are contention, and more runs would only feed it. */
const ATTEMPTS_MAX = 6
const BACKOFF: Backoff = { baseMs: 4, capMs: 200 }
/** How often the server is asked for the outcome of a lost COMMIT. */
const IN_DOUBT_BACKOFF: Backoff = { baseMs: 20, capMs: 500 }
/** The question is worth asking beyond the deadline: the answer is "done" or "not done". */
const IN_DOUBT_TIMEOUT_MS = 10_000

/**
 * `work` gets a fresh transaction each time; its value is returned after COMMIT. Errors of the
 * work roll back and pass through; a commit in doubt is resolved before this returns, except
 * with `inDoubt: 'caller'`, where ConnectionLostError { closingSent: true } reaches the caller.
 */
export async function runTransaction<T>(
  pool: Pool,
  options: RunOptions,
  work: (tx: Transaction, attempt: number) => Promise<T>,
): Promise<T> {
  const attemptsMax = options.attemptsMax ?? ATTEMPTS_MAX
  for (let attempt = 1; ; attempt++) {
    const tx = new Transaction(pool, options)
    try {
      const value = await work(tx, attempt)
      if (!tx.ended) await commitTransaction(pool, tx, options)
      return value
    } catch (error) {
      await tx.rollback()
      await orThrow(pool, options, decisive(tx, error), attempt, attemptsMax)
    }
  }
}

/**
 * What decides how it goes on: the error of the work, or that of a statement where the work has
 * swallowed one after which only another run is right, or where a builder has wrapped it.
 */
export function decisive(tx: Transaction, error: unknown): unknown {
  const { failure } = tx
  return isRetryable(failure) || isWrapperOf(error, failure) ? failure : error
}

/** As drizzle does it: the query, its values, and the error as the cause. */
function isWrapperOf(error: unknown, cause: unknown): boolean {
  const wrapped = error instanceof Error && 'query' in error && 'params' in error
  return wrapped && cause !== undefined && error.cause === cause
}

/** COMMIT; a lost one is resolved here, unless the caller said that he does it. */
export async function commitTransaction(
  pool: Pool,
  tx: Transaction,
  options: TransactionOptions,
): Promise<void> {
  try {
    await tx.commit()
  } catch (error) {
    if (!isInDoubt(error) || options.inDoubt === 'caller') throw error
    // The dead connection goes first: the question needs one, and there may be no other.
    await tx.rollback()
    if (!(await committed(pool, xidOf(tx.openingRows)))) throw new ConnectionLostError(error, false)
  }
}

export function isInDoubt(error: unknown): boolean {
  return error instanceof ConnectionLostError && error.closingSent
}

function xidOf(opening: readonly Rows[] | undefined): string {
  const row = opening?.find((rows) => rows.rows[0]?.xid !== undefined)?.rows[0]
  if (row === undefined) throw new HoldfastError('HF_BUG', 'Bug: the opening returned no xid.')
  return row.xid as string
}

/** Asks the server what became of a transaction, until it has ended one way or the other. */
async function committed(pool: Pool, xid: string): Promise<boolean> {
  pool.counters.commitsInDoubt++
  const endMs = pool.clock.monotonicMs() + IN_DOUBT_TIMEOUT_MS
  for (let attempt = 0; pool.clock.monotonicMs() < endMs; attempt++) {
    const status = await statusOf(pool, xid)
    if (status === 'committed' || status === 'aborted') return status === 'committed'
    await pause(pool.clock, backoffMs(IN_DOUBT_BACKOFF, attempt))
  }
  throw new HoldfastError('HF_COMMIT_UNKNOWN')
}

async function statusOf(pool: Pool, xid: string): Promise<unknown> {
  try {
    const [rows] = await pool.run([
      { text: 'SELECT pg_xact_status($1::text::xid8) AS status', values: [xid] },
    ])
    return rows?.rows[0]?.status
  } catch {
    // Still unreachable: the loop above asks again until its time is over.
    return undefined
  }
}

/** Waits before the next run, or throws what the caller shall see. */
async function orThrow(
  pool: Pool,
  options: RunOptions,
  error: unknown,
  attempt: number,
  attemptsMax: number,
): Promise<void> {
  if (!isRetryable(error)) throw meaning(options, error, pool)
  await beforeNextRun(pool, options, error, attempt, attemptsMax)
}

/** Waits before run number `attempt + 1`; throws where there is no more time for it, or no more patience. */
export async function beforeNextRun(
  pool: Pool,
  options: Pick<RunOptions, 'deadlineMs' | 'signal' | 'observed'>,
  error: unknown,
  attempt: number,
  attemptsMax: number,
): Promise<void> {
  const delayMs = backoffMs(BACKOFF, attempt)
  const leftMs = options.deadlineMs - pool.clock.monotonicMs()
  if (options.signal?.aborted) throw abortFault(options.signal, error)
  if (attempt >= attemptsMax || delayMs >= leftMs) {
    throw new HoldfastError('HF_RETRIES_EXHAUSTED', `${attempt} runs.`, { cause: error })
  }
  pool.counters.retries++
  if (options.observed) options.observed.meter.retries++
  await pause(pool.clock, delayMs, options.signal)
}

/** A cancelled statement is the deadline's doing or the caller's; say which. So is a lock not had. */
function meaning(options: RunOptions, error: unknown, pool: Pool): unknown {
  if (!hasState(error, sqlstate.queryCanceled, sqlstate.lockNotAvailable)) return error
  if (options.signal?.aborted) return abortFault(options.signal, error)
  if (options.deadlineMs - pool.clock.monotonicMs() > 0) return error
  return new HoldfastError('HF_DEADLINE_EXCEEDED', undefined, { cause: error })
}
