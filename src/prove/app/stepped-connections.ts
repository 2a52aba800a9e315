/**
 * Holdfast's own operations over a pool that an explorer hands in: every statement of a batch, BEGIN
 * and COMMIT among them, is a message of its own, in the order in which the server would run them.
 * It is what happens where several statements under one Sync are not to be had.
 *
 * Nothing is cancelled: for an explorer time passes when it says so, and no statement is late.
 */
import type pg from 'pg'
import { HoldfastError } from '../../base/fault.ts'
import type {
  Capabilities,
  Connection,
  ConnectionSource,
  RunOptions,
} from '../../database/connection.ts'
import { runOneByOne } from '../../database/one-by-one.ts'
import { encode, parserFor } from '../../database/parsers.ts'
import {
  ConnectionLostError,
  isSessionEnd,
  type ServerReport,
  StatementError,
} from '../../database/sqlstate.ts'
import type { Row, Rows, Statement } from '../../database/statement.ts'

/** What this needs of a pool: pg's own has it, and those of the explorers. */
export interface SteppedPool {
  connect(): Promise<SteppedClient>
}

export interface SteppedClient {
  query(config: pg.QueryConfig): Promise<pg.QueryResult>
  /** `true`: not to be used again. */
  release(broken?: boolean): void
  /** I: idle, T: in a transaction, E: in one that has failed. */
  getTransactionStatus(): string | null
}

const CAPABILITIES: Capabilities = {
  pipelining: false,
  // A name would save a Parse, and nothing is measured here.
  namedStatements: false,
  serverVersion: 0,
  pooled: false,
}

export class SteppedConnections implements ConnectionSource {
  readonly #pool: SteppedPool
  readonly #connections = new WeakMap<object, SteppedConnection>()
  // The pool that was handed in has bounds of its own.
  readonly totalCount = 0
  readonly idleCount = 1
  readonly waitingCount = 0

  constructor(pool: SteppedPool) {
    this.#pool = pool
  }

  async connect(): Promise<object> {
    const client = await this.#pool.connect()
    this.#connections.set(client, new SteppedConnection(client))
    return client
  }

  connectionOf(client: object): Connection {
    return this.#connections.get(client) as Connection
  }

  /** Whoever has handed the pool in ends it. */
  async end(): Promise<void> {}
}

class SteppedConnection implements Connection {
  readonly capabilities = CAPABILITIES
  readonly #client: SteppedClient
  broken = false

  constructor(client: SteppedClient) {
    this.#client = client
  }

  get processId(): number {
    return (this.#client as unknown as { processID: number }).processID
  }

  get inTransaction(): boolean {
    return this.#client.getTransactionStatus() !== 'I'
  }

  async run(statements: readonly Statement[], options: RunOptions = {}): Promise<Rows[]> {
    if (this.broken) throw new ConnectionLostError(undefined, false)
    return runOneByOne(statements, this.inTransaction, (statement, last) =>
      this.#send(statement, options.closing === true && last),
    )
  }

  async #send(statement: Statement, closing: boolean): Promise<Rows> {
    const { text, values, arrays, rowsMax } = statement
    try {
      const result = await this.#client.query({
        text,
        values: values.map(encode),
        types: parsersOf(statement),
        ...(arrays === true && { rowMode: 'array' }),
      } as pg.QueryConfig)
      const { rows, rowCount, command } = result
      if (rowsMax !== undefined && rows.length > rowsMax)
        throw new HoldfastError('HF_ROWS_MAX', `More than ${rowsMax} rows for: ${text}.`)
      return { rows: rows as Row[], rowCount: rowCount ?? 0, command }
    } catch (error) {
      throw this.#meaning(error, text, closing)
    }
  }

  /** As the connection on the wire tells it. */
  #meaning(error: unknown, text: string, closing: boolean): unknown {
    if (error instanceof HoldfastError) return error
    if (!isReport(error)) {
      this.broken = true
      return new ConnectionLostError(error, closing)
    }
    const failure = new StatementError(error, 0, text)
    if (!failure.fatal) return failure
    this.broken = true
    // A FATAL during COMMIT may follow a commit.
    if (closing) return new ConnectionLostError(failure, true)
    return isSessionEnd(failure) ? new ConnectionLostError(failure, false) : failure
  }

  async cancel(): Promise<void> {}

  async release(): Promise<void> {
    this.#client.release(this.broken || this.inTransaction)
  }
}

function isReport(error: unknown): error is ServerReport {
  return error instanceof Error && 'severity' in error && 'code' in error
}

const plain = { getTypeParser: (oid: number) => parserFor(oid) }
const withBigints = { getTypeParser: (oid: number) => parserFor(oid, true) }

function parsersOf({ bigint }: Statement) {
  return bigint === true ? withBigints : plain
}
