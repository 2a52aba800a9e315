/** pg's pool, with bounds and a probe for every new connection. */
import { Pool as PgPool, type PoolClient } from 'pg'
import type { Clock } from '../base/clock.ts'
import type { Step } from './batch.ts'
import type { Connection, ConnectionCounters, ConnectionSource } from './connection.ts'
import { PipeliningFailed, probe } from './probe.ts'
import type { SchemaEpoch } from './statement-names.ts'
import { WireConnection } from './wire-connection.ts'

const CONNECTIONS_MAX = 16
const ACQUIRE_TIMEOUT_MS = 3_000
/** A connection that was not needed for this long is closed. */
const IDLE_TIMEOUT_MS = 60_000
/** One may be a connection that was lost at the wrong moment. */
const PIPELINING_FAILURES_MAX = 2

export interface WireOptions {
  readonly url: string
  /** More connections than 2 x cores + disks of the server seldom help (PostgreSQL wiki). */
  readonly connectionsMax?: number
  /** How long one waits for a connection. */
  readonly acquireTimeoutMs?: number
  readonly applicationName?: string
  /** Force the fallback, or refuse to probe: for tests and for poolers that are known. */
  readonly pipelining?: boolean
  readonly namedStatements?: boolean
  /** Walks inside every batch; for explorers and crash tests only. */
  readonly step?: Step | undefined
}

export class WireConnections implements ConnectionSource {
  readonly #pool: PgPool
  readonly #connections = new WeakMap<object, WireConnection>()
  readonly #epoch: SchemaEpoch = { value: 0 }
  readonly #options: WireOptions
  readonly #counters: ConnectionCounters
  readonly #clock: Clock
  /** Undefined until the first connection has found out. */
  #pipelining: boolean | undefined
  #pipeliningFailures = 0

  constructor(options: WireOptions, counters: ConnectionCounters, clock: Clock) {
    this.#options = options
    this.#counters = counters
    this.#clock = clock
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

  get totalCount(): number {
    return this.#pool.totalCount
  }

  get idleCount(): number {
    return this.#pool.idleCount
  }

  get waitingCount(): number {
    return this.#pool.waitingCount
  }

  connect(): Promise<PoolClient> {
    return this.#pool.connect()
  }

  connectionOf(client: object): Connection {
    return this.#connections.get(client) as Connection
  }

  end(): Promise<void> {
    return this.#pool.end()
  }

  /** A server or pooler that hangs on two statements under one Sync gets them one by one. */
  async #onConnect(client: PoolClient): Promise<void> {
    const pipelining = this.#options.pipelining ?? this.#pipelining
    try {
      const found = await probe(client, { ...this.#options, pipelining })
      this.#pipelining = found.pipelining
      this.#connections.set(client, new WireConnection(client, found, this.#shared()))
    } catch (error) {
      if (error instanceof PipeliningFailed) this.#countPipeliningFailure()
      throw error
    }
  }

  #countPipeliningFailure(): void {
    if (++this.#pipeliningFailures >= PIPELINING_FAILURES_MAX) this.#pipelining ??= false
  }

  #shared() {
    const { step } = this.#options
    return { epoch: this.#epoch, counters: this.#counters, step, clock: this.#clock }
  }
}
