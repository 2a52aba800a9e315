/**
 * One connection: pg's client for the handshake and the wire, our batches on it.
 *
 * States: free (in the pool) -> held (a transaction or a single batch) -> free | broken.
 * `broken`: an unexpected end, a FATAL, or a cancel whose effect could not be awaited; the pool
 * throws it away.
 */
import { connect, type Socket } from 'node:net'
import type { PoolClient } from 'pg'
import type { Clock } from '../base/clock.ts'
import { outsideTransaction } from '../runtime/outbound-guard.ts'
import { ANSWER_GRACE_MS } from './answer-grace.ts'
import { Batch, type Step, type Wire } from './batch.ts'
import {
  ConnectionLostError,
  hasState,
  isStaleStatement,
  StatementError,
  sqlstate,
} from './sqlstate.ts'
import type { Rows, Statement } from './statement.ts'
import { type SchemaEpoch, StatementNames } from './statement-names.ts'

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

/** A cancel request is one small packet; a server that does not take it in this time is gone. */
const CANCEL_TIMEOUT_MS = 2_000

/** No statement is given more time where nobody says so: loops give theirs 15 s. */
const ANSWER_TIMEOUT_MS = 20_000

const BEGIN: Statement = { text: 'BEGIN', values: [] }
const COMMIT: Statement = { text: 'COMMIT', values: [] }

const SESSION_END = [sqlstate.adminShutdown, sqlstate.crashShutdown, sqlstate.cannotConnectNow]

/** The parts of pg's client that its types do not show. */
interface WireClient {
  readonly connection: Wire & {
    emit(event: string, ...values: unknown[]): boolean
  }
  readonly host: string
  readonly port: number
  readonly processID: number
  readonly secretKey: number
  getTransactionStatus(): 'I' | 'T' | 'E' | null
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

export class Connection {
  readonly #client: PoolClient & WireClient
  readonly #names: StatementNames | undefined
  readonly #epoch: SchemaEpoch
  readonly #step: Step | undefined
  readonly #counters: ConnectionCounters
  readonly #clock: Clock
  readonly capabilities: Capabilities
  #batch: Batch | undefined
  #cancelling: Promise<void> | undefined
  #broken = false

  constructor(
    client: PoolClient,
    capabilities: Capabilities,
    shared: {
      readonly epoch: SchemaEpoch
      readonly counters: ConnectionCounters
      readonly step: Step | undefined
      readonly clock: Clock
    },
  ) {
    this.#client = client as PoolClient & WireClient
    this.capabilities = capabilities
    this.#names = capabilities.namedStatements ? new StatementNames(shared.epoch) : undefined
    this.#epoch = shared.epoch
    this.#counters = shared.counters
    this.#step = shared.step
    this.#clock = shared.clock
    this.#routeReplies()
    client.on('error', () => {
      this.#broken = true
    })
  }

  /**
   * What the server answers to a batch goes straight to it: pg's own way leads through an event
   * and its client for each message, and keeps ParseComplete from custom queries altogether.
   * Everything else (errors, ready for query, notices, notifications) stays with pg.
   */
  #routeReplies(): void {
    const { connection } = this.#client
    const emit = connection.emit.bind(connection)
    connection.emit = (event: string, ...values: unknown[]) =>
      this.#batch?.handleReply(event, values[0]) === true || emit(event, ...values)
  }

  get broken(): boolean {
    return this.#broken
  }

  /** The server process, as the handshake told it. */
  get processId(): number {
    return this.#client.processID
  }

  /** True where an explicit transaction is open or failed: such a connection must not be reused. */
  get inTransaction(): boolean {
    return this.#client.getTransactionStatus() !== 'I'
  }

  /** All statements as one batch and one round trip. Rejects with the first error; see Batch. */
  async run(statements: readonly Statement[], options: RunOptions = {}): Promise<Rows[]> {
    if (this.#broken) throw new ConnectionLostError(undefined, false)
    const disarm = this.#armCut(options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS)
    try {
      if (this.capabilities.pipelining) return await this.#send(statements, options)
      return await this.#oneByOne(statements, options)
    } catch (error) {
      this.#judge(error)
      throw isSessionEnd(error) ? new ConnectionLostError(error, false) : error
    } finally {
      disarm()
    }
  }

  /** Whoever waits for the answer is told then that the connection is lost. */
  #armCut(timeoutMs: number): () => void {
    const { stream } = this.#client.connection
    // In whole seconds: timers of the same length share a list.
    return this.#clock.after(Math.ceil(timeoutMs / 1_000) * 1_000, () =>
      stream.destroy(new Error('The server did not answer in time.')),
    )
  }

  #send(statements: readonly Statement[], options: RunOptions): Promise<Rows[]> {
    const closing = options.closing === true
    const batch = new Batch(statements, { names: this.#names, step: this.#step, closing })
    this.#batch = batch
    this.#counters.roundTrips++
    this.#counters.statements += statements.length
    this.#client.query(batch as never)
    return batch.results
  }

  /**
   * The fallback where pipelining is not to be had: the same statements, one round trip each, and
   * like those of a batch in one transaction, all or none.
   */
  async #oneByOne(statements: readonly Statement[], options: RunOptions): Promise<Rows[]> {
    const implicit = statements.length > 1 && !this.inTransaction && !statements.some(isBegin)
    if (!implicit) return this.#sendEach(statements, options)
    const results = await this.#sendEach([BEGIN, ...statements, COMMIT], options)
    return results.slice(1, -1)
  }

  async #sendEach(statements: readonly Statement[], options: RunOptions): Promise<Rows[]> {
    const results: Rows[] = []
    for (const [index, statement] of statements.entries()) {
      const last = index === statements.length - 1
      const closing = options.closing === true && last
      const [rows] = await this.#send([statement], { closing })
      results.push(rows as Rows)
    }
    return results
  }

  #judge(error: unknown): void {
    if (error instanceof ConnectionLostError) this.#broken = true
    if (error instanceof StatementError && error.fatal) this.#broken = true
    if (isStaleStatement(error)) this.#epoch.value++
  }

  /**
   * Asks the server to stop the running statement (Postgres manual 55.2.8). Never throws: the
   * statement's own error, or its result if it was faster, tells how it went.
   */
  cancel(): Promise<void> {
    this.#cancelling ??= this.#sendCancel().finally(() => {
      this.#cancelling = undefined
    })
    return this.#cancelling
  }

  async #sendCancel(): Promise<void> {
    this.#counters.cancels++
    const { host, port } = this.#client
    const target = host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port }
    const socket = outsideTransaction(() => connect(target))
    const acted = await deliver(socket, this.#cancelPacket())
    // It may still strike, whenever: nobody else must be on this connection then.
    if (!acted) this.#broken = true
  }

  #cancelPacket(): Buffer {
    const packet = Buffer.alloc(16)
    packet.writeInt32BE(16, 0)
    packet.writeInt32BE(80877102, 4)
    packet.writeInt32BE(this.#client.processID, 8)
    packet.writeInt32BE(this.#client.secretKey, 12)
    return packet
  }

  /**
   * Gives the connection back. A late cancel must not hit the next user: its socket is awaited,
   * and then one empty round trip lets a cancel that is already under way strike here.
   */
  async release(): Promise<void> {
    if (this.#cancelling !== undefined) {
      await this.#cancelling
      await this.#drainCancel()
    }
    this.#client.release(this.#broken || this.inTransaction)
  }

  async #drainCancel(): Promise<void> {
    const options = { answerTimeoutMs: ANSWER_GRACE_MS }
    await this.run([{ text: 'SELECT 1', values: [] }], options).catch(() => {})
  }
}

function isBegin({ text }: Statement): boolean {
  return text.startsWith('BEGIN')
}

/** The server ended the session: a connection lost, for whoever waits on it. A COMMIT in doubt is one already. */
function isSessionEnd(error: unknown): boolean {
  return hasState(error, ...SESSION_END) && error.fatal
}

/**
 * Resolves when the other side has closed: only then has the server acted on the cancel. False
 * where it took too long to say so.
 */
function deliver(socket: Socket, packet: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (acted: boolean) => {
      socket.destroy()
      resolve(acted)
    }
    socket.setTimeout(CANCEL_TIMEOUT_MS, () => end(false))
    for (const event of ['error', 'close', 'end']) socket.on(event, () => end(true))
    socket.on('connect', () => socket.write(packet))
    socket.resume()
  })
}
