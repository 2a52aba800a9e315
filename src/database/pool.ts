/**
 * The pool: pg's, with bounds, a probe for every new connection, and our batches and transactions
 * on top. It never holds a connection while user code waits for something else than the database.
 */
import { Pool as PgPool, type PoolClient } from 'pg'
import { type Clock, systemClock } from '../base/clock.ts'
import { HoldfastError } from '../base/fault.ts'
import { outsideTransaction } from '../runtime/outbound-guard.ts'
import { ANSWER_GRACE_MS } from './answer-grace.ts'
import type { Step } from './batch.ts'
import { type Capabilities, Connection, type ConnectionCounters } from './connection.ts'
import { PipeliningFailed, probe } from './probe.ts'
import { ConnectionLostError } from './sqlstate.ts'
import type { Rows, Statement } from './statement.ts'
import type { SchemaEpoch } from './statement-names.ts'

export interface PoolOptions {
  readonly url: string
  /** More connections than 2 x cores + disks of the server seldom help (PostgreSQL wiki). */
  readonly connectionsMax?: number
  /** Requests that may wait for a connection; the next one is refused at once. */
  readonly waitersMax?: number
  /** How long one waits for a connection. */
  readonly acquireTimeoutMs?: number
  readonly applicationName?: string
  /** Force the fallback, or refuse to probe: for tests and for poolers that are known. */
  readonly pipelining?: boolean
  readonly namedStatements?: boolean
  readonly clock?: Clock
  /** Walks inside every batch; for explorers and crash tests only. */
  readonly step?: Step | undefined
}

export interface PoolMetrics extends Readonly<ConnectionCounters> {
  readonly connections: number
  readonly idle: number
  readonly waiting: number
  readonly retries: number
  readonly commitsInDoubt: number
}

const CONNECTIONS_MAX = 16
const WAITERS_MAX = 512
const ACQUIRE_TIMEOUT_MS = 3_000
/** A connection that was not needed for this long is closed. */
const IDLE_TIMEOUT_MS = 60_000
/** One may be a connection that was lost at the wrong moment. */
const PIPELINING_FAILURES_MAX = 2

export class Pool {
  readonly clock: Clock
  readonly counters = { roundTrips: 0, statements: 0, cancels: 0, retries: 0, commitsInDoubt: 0 }
  readonly #pool: PgPool
  readonly #waitersMax: number
  readonly #connections = new WeakMap<object, Connection>()
  readonly #epoch: SchemaEpoch = { value: 0 }
  readonly #options: PoolOptions
  /** Undefined until the first connection has found out. */
  #pipelining: boolean | undefined
  #pipeliningFailures = 0
  #closed: Promise<void> | undefined

  constructor(options: PoolOptions) {
    this.#options = options
    this.clock = options.clock ?? systemClock
    this.#waitersMax = options.waitersMax ?? WAITERS_MAX
    this.#pool = new PgPool({
      connectionString: options.url,
      max: options.connectionsMax ?? CONNECTIONS_MAX,
      connectionTimeoutMillis: options.acquireTimeoutMs ?? ACQUIRE_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      application_name: options.applicationName ?? 'holdfast',
      keepAlive: true,
      onConnect: (client: PoolClient) => this.#onConnect(client),
    } as unknown as ConstructorParameters<typeof PgPool>[0])
    // An idle connection that dies is dropped by pg's pool; without a listener it would be thrown.
    this.#pool.on('error', () => {})
  }

  /** A server or pooler that hangs on two statements under one Sync gets them one by one. */
  async #onConnect(client: PoolClient): Promise<void> {
    const pipelining = this.#options.pipelining ?? this.#pipelining
    try {
      const found = await probe(client, { ...this.#options, pipelining })
      this.#pipelining = found.pipelining
      this.#connections.set(client, new Connection(client, found, this.#shared()))
    } catch (error) {
      if (error instanceof PipeliningFailed) this.#countPipeliningFailure()
      throw error
    }
  }

  #countPipeliningFailure(): void {
    if (++this.#pipeliningFailures >= PIPELINING_FAILURES_MAX) this.#pipelining ??= false
  }

  #shared() {
    const { clock, counters } = this
    return { epoch: this.#epoch, counters, step: this.#options.step, clock }
  }

  /**
   * A connection for the caller alone, until `release()`. Waits for `acquireTimeoutMs`, and not
   * beyond `deadlineMs`, a moment of the clock.
   */
  async acquire(deadlineMs?: number): Promise<Connection> {
    if (this.#pool.waitingCount >= this.#waitersMax) {
      throw new HoldfastError('HF_POOL_EXHAUSTED', `${this.#waitersMax} requests are waiting.`)
    }
    try {
      // Connecting is ours, whoever asks: the guard of calls to the outside does not mean it.
      const idle = this.#pool.idleCount > 0
      const connecting = outsideTransaction(() => this.#pool.connect())
      const waits = deadlineMs !== undefined && !idle
      const client = await (waits ? this.#until(deadlineMs, connecting) : connecting)
      return this.#connections.get(client) as Connection
    } catch (error) {
      if (error instanceof PipeliningFailed) return this.acquire(deadlineMs)
      throw this.#acquireFailure(error)
    }
  }

  /** Who gives up leaves the connection that he asked for to the next. */
  async #until(deadlineMs: number, connecting: Promise<PoolClient>): Promise<PoolClient> {
    const { promise, reject } = Promise.withResolvers<never>()
    const disarm = this.clock.after(Math.max(0, deadlineMs - this.clock.monotonicMs()), () => {
      reject(new HoldfastError('HF_DEADLINE_EXCEEDED', 'No connection came free in time.'))
    })
    try {
      return await Promise.race([connecting, promise])
    } catch (error) {
      connecting.then(
        (client) => client.release(),
        () => {},
      )
      throw error
    } finally {
      disarm()
    }
  }

  #acquireFailure(error: unknown): HoldfastError {
    if (error instanceof HoldfastError) return error
    const { totalCount, idleCount } = this.#pool
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
    const { totalCount, idleCount, waitingCount } = this.#pool
    return { ...this.counters, connections: totalCount, idle: idleCount, waiting: waitingCount }
  }

  /** Waits for connections in use to come back, then ends them all. May be called again. */
  close(): Promise<void> {
    this.#closed ??= this.#pool.end()
    return this.#closed
  }
}

export async function rollback(connection: Connection): Promise<void> {
  // A connection that cannot even roll back is broken now, and `release` throws it away.
  const answerTimeoutMs = ANSWER_GRACE_MS
  await connection.run([{ text: 'ROLLBACK', values: [] }], { answerTimeoutMs }).catch(() => {})
}
