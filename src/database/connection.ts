/**
 * What transactions, reads and loops need of a connection. In production all of them are
 * `WireConnection`; an explorer puts one in its place that stops before every statement.
 */
import type { Rows, Statement } from './statement.ts'

/** What a probe found out about the way to the server. */
export interface Capabilities {
  /** Several statements under one Sync. Without it they are sent and awaited one by one. */
  readonly pipelining: boolean
  /** Named statements survive between transactions (not so behind a transaction pooler). */
  readonly namedStatements: boolean
  readonly serverVersion: number
  /** The backend is not the one we shook hands with: a pooler stands between. */
  readonly pooled: boolean
}

export interface RunOptions {
  /** The batch ends in COMMIT. */
  readonly closing?: boolean
  /** After so long without the whole answer the connection counts as lost: a network that swallows
   *  what it carries tells nobody. */
  readonly answerTimeoutMs?: number
}

export interface ConnectionCounters {
  roundTrips: number
  statements: number
  cancels: number
}

/**
 * States: free (in the pool) -> held (a transaction or a single batch) -> free | broken. A broken one
 * never comes back to the pool.
 */
export interface Connection {
  readonly capabilities: Capabilities
  readonly broken: boolean
  /** The server process, as the handshake told it. */
  readonly processId: number
  /** True where an explicit transaction is open or failed: such a connection must not be reused. */
  readonly inTransaction: boolean
  /** All statements as one batch, all or none. Rejects with the first error; see Batch. */
  run(statements: readonly Statement[], options?: RunOptions): Promise<Rows[]>
  /** Asks the server to stop the running statement. Never throws: its own error tells how it went. */
  cancel(): Promise<void>
  /** Gives the connection back. */
  release(): Promise<void>
}

/** Where a pool has its connections from. */
export interface ConnectionSource {
  readonly totalCount: number
  readonly idleCount: number
  /** Callers that wait for a connection. */
  readonly waitingCount: number
  /** A client of the driver; `connectionOf` tells the connection that is over it. */
  connect(): Promise<object>
  connectionOf(client: object): Connection
  end(): Promise<void>
}
