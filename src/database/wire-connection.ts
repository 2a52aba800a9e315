/**
 * A connection of our own: pg's client for the handshake and the wire, our batches on it.
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
import type { Capabilities, Connection, ConnectionCounters, RunOptions } from './connection.ts'
import { runOneByOne } from './one-by-one.ts'
import { ConnectionLostError, isSessionEnd, isStaleStatement, StatementError } from './sqlstate.ts'
import type { Rows, Statement } from './statement.ts'
import { type SchemaEpoch, StatementNames } from './statement-names.ts'

/** A cancel request is one small packet; a server that does not take it in this time is gone. */
const CANCEL_TIMEOUT_MS = 2_000

/** No statement is given more time where nobody says so: loops give theirs 15 s. */
const ANSWER_TIMEOUT_MS = 20_000

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

export class WireConnection implements Connection {
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

  /** The fallback where pipelining is not to be had. */
  #oneByOne(statements: readonly Statement[], options: RunOptions): Promise<Rows[]> {
    return runOneByOne(statements, this.inTransaction, async (statement, last) => {
      const closing = options.closing === true && last
      const [rows] = await this.#send([statement], { closing })
      return rows as Rows
    })
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
