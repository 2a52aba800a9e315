/**
 * The pool: pg's, with bounds, a probe for every new connection, and our batches and transactions
 * on top. It never holds a connection while user code waits for something else than the database.
 */
import { type Clock, systemClock } from '../base/clock.ts'
import { HoldfastError } from '../base/fault.ts'
import { outsideTransaction } from '../runtime/outbound-guard.ts'
import { ANSWER_GRACE_MS } from './answer-grace.ts'
import type {
  Capabilities,
  Connection,
  ConnectionCounters,
  ConnectionSource,
} from './connection.ts'
import { PipeliningFailed } from './probe.ts'
import { ConnectionLostError } from './sqlstate.ts'
import type { Rows, Statement } from './statement.ts'
import { WireConnections, type WireOptions } from './wire-connections.ts'

/** Which server, and the bounds of a pool; times in milliseconds. */
export interface PoolOptions extends WireOptions {
  /** Requests that may wait for a connection; the next one is refused at once. */
  readonly waitersMax?: number
  readonly clock?: Clock
}

/** A pool whose connections somebody else hands out: an explorer, which stops before every statement. */
export interface LentPoolOptions {
  readonly source: ConnectionSource
  readonly clock?: Clock
}

/** What a pool has done, and how it stands. */
export interface PoolMetrics extends Readonly<ConnectionCounters> {
  readonly connections: number
  readonly idle: number
  readonly waiting: number
  readonly retries: number
  readonly commitsInDoubt: number
}

const WAITERS_MAX = 512

/**
 * Connections to one database, with batches, bounds and cancellation. Throws HF_POOL_EXHAUSTED and
 * HF_DATABASE_UNAVAILABLE.
 */
export class Pool {
  readonly clock: Clock
  readonly counters = { roundTrips: 0, statements: 0, cancels: 0, retries: 0, commitsInDoubt: 0 }
  readonly #source: ConnectionSource
  readonly #waitersMax: number
  #closed: Promise<void> | undefined

  constructor(options: PoolOptions | LentPoolOptions) {
    this.clock = options.clock ?? systemClock
    const lent = 'source' in options
    this.#waitersMax = (lent ? undefined : options.waitersMax) ?? WAITERS_MAX
    this.#source = lent ? options.source : new WireConnections(options, this.counters, this.clock)
  }

  /**
   * A connection for the caller alone, until `release()`. Waits for `acquireTimeoutMs`, and not
   * beyond `deadlineMs`, a moment of the clock.
   */
  async acquire(deadlineMs?: number): Promise<Connection> {
    if (this.#source.waitingCount >= this.#waitersMax) {
      throw new HoldfastError('HF_POOL_EXHAUSTED', `${this.#waitersMax} requests are waiting.`)
    }
    try {
      // Connecting is ours, whoever asks: the guard of calls to the outside does not mean it.
      const idle = this.#source.idleCount > 0
      const connecting = outsideTransaction(() => this.#source.connect())
      const waits = deadlineMs !== undefined && !idle
      const client = await (waits ? this.#until(deadlineMs, connecting) : connecting)
      return this.#source.connectionOf(client)
    } catch (error) {
      if (error instanceof PipeliningFailed) return this.acquire(deadlineMs)
      throw this.#acquireFailure(error)
    }
  }

  /** Who gives up leaves the connection that he asked for to the next. */
  async #until(deadlineMs: number, connecting: Promise<object>): Promise<object> {
    const { promise, reject } = Promise.withResolvers<never>()
    const disarm = this.clock.after(Math.max(0, deadlineMs - this.clock.monotonicMs()), () => {
      reject(new HoldfastError('HF_DEADLINE_EXCEEDED', 'No connection came free in time.'))
    })
    try {
      return await Promise.race([connecting, promise])
    } catch (error) {
      connecting.then(
        (client) => this.#source.connectionOf(client).release(),
        () => {},
      )
      throw error
    } finally {
      disarm()
    }
  }

  #acquireFailure(error: unknown): HoldfastError {
    if (error instanceof HoldfastError) return error
    const { totalCount, idleCount } = this.#source
    const busy = totalCount > 0 && idleCount === 0 && String(error).includes('timeout exceeded')
    const code = busy ? 'HF_POOL_EXHAUSTED' : 'HF_DATABASE_UNAVAILABLE'
    return new HoldfastError(code, undefined, { cause: error })
  }

  /**
   * The statements as one batch: one round trip, one implicit transaction (all or none).
   * A connection found dead before anything was answered is tried once more on another one
   * when `retryLost` says that the statements may run twice.
   */
  async run(
    statements: readonly Statement[],
    options: { readonly retryLost?: boolean; readonly answerTimeoutMs?: number } = {},
  ): Promise<Rows[]> {
    const connection = await this.acquire()
    try {
      return await connection.run(statements, options)
    } catch (error) {
      if (!connection.broken) await rollback(connection)
      const again = options.retryLost === true && error instanceof ConnectionLostError
      if (!again) throw error
    } finally {
      await connection.release()
    }
    return this.run(statements, { ...options, retryLost: false })
  }

  /** What the probe found on the way to the server; connects if nothing is connected yet. */
  async capabilities(): Promise<Capabilities> {
    const connection = await this.acquire()
    await connection.release()
    return connection.capabilities
  }

  metrics(): PoolMetrics {
    const { totalCount, idleCount, waitingCount } = this.#source
    return { ...this.counters, connections: totalCount, idle: idleCount, waiting: waitingCount }
  }

  /** Waits for connections in use to come back, then ends them all. May be called again. */
  close(): Promise<void> {
    this.#closed ??= this.#source.end()
    return this.#closed
  }
}

export async function rollback(connection: Connection): Promise<void> {
  // A connection that cannot even roll back is broken now, and `release` throws it away.
  const answerTimeoutMs = ANSWER_GRACE_MS
  await connection.run([{ text: 'ROLLBACK', values: [] }], { answerTimeoutMs }).catch(() => {})
}
