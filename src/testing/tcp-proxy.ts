/**
 * A proxy between a client and Postgres that knows where messages end: it counts what passes, and
 * cuts or holds the way at exact moments.
 *
 * Terms. A *trip* is what a client sends up to a Sync (or a simple Query), and the server's answer
 * to it up to ReadyForQuery. Messages of a trip are passed on together when its end has come, so
 * that a cut falls between trips and never inside one.
 */
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { isCancelRequest, type Message, MessageReader, messageType } from './wire-messages.ts'

/** What has passed between the app and its database. */
export interface ProxyCounters {
  connections: number
  /** Cancel requests; each comes on a connection of its own, not counted above. */
  cancels: number
  /** Trips that were passed on to the server. */
  trips: number
  /** ReadyForQuery, as they were passed on to the client; one ends each handshake too. */
  answers: number
  /** Statements executed in them. */
  executes: number
  parses: number
}

/**
 * `unsent`: the trip never reaches the server. `unanswered`: it is executed, and its answer is
 * lost. Either way the connection is cut on both sides.
 */
export type Cut = 'unsent' | 'unanswered'

/** Which trip is cut: the next one, unless some are skipped or do not match. */
export interface CutOptions {
  readonly skip?: number
  /** How many trips in a row. One by default. */
  readonly times?: number
  readonly matches?: (trip: Buffer) => boolean
}

interface ArmedCut {
  readonly kind: Cut
  skip: number
  times: number
  readonly matches: ((trip: Buffer) => boolean) | undefined
  readonly struck: () => void
}

const code = messageType

/** Stands between an app and its database: counts trips, cuts and holds them at exact moments. */
export class TcpProxy {
  /** The URL of the server, by way of the proxy. */
  readonly url: string
  readonly counters: ProxyCounters = {
    connections: 0,
    cancels: 0,
    trips: 0,
    answers: 0,
    executes: 0,
    parses: 0,
  }
  readonly #server: Server
  readonly #target: URL
  readonly #links = new Set<Link>()
  #cut: ArmedCut | undefined
  #stalling = false
  #held: Promise<void> | undefined
  #cancelsHeld: Promise<void> | undefined

  private constructor(server: Server, target: URL) {
    this.#server = server
    this.#target = target
    const { port } = server.address() as { port: number }
    const own = new URL(target)
    own.hostname = '127.0.0.1'
    own.port = String(port)
    this.url = own.href
  }

  /** Listens on the loopback, on a free port by default. `url` must name its host in its authority. */
  static async start(url: string, port = 0): Promise<TcpProxy> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    const proxy = new TcpProxy(server, new URL(url))
    server.on('connection', (client) => proxy.#accept(client))
    return proxy
  }

  /** Cuts at a trip to come, after `skip` others that match. Resolves when it has. */
  cutTrip(kind: Cut, options: CutOptions = {}): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { skip = 0, times = 1, matches } = options
    this.#cut = { kind, skip, times, matches, struck: resolve }
    return promise
  }

  /** Takes back a cut that has not struck yet. */
  stopCutting(): void {
    this.#cut = undefined
  }

  /** From now on a trip of several statements gets no answer, as of a pooler that cannot pipeline. */
  stallPipelines(): void {
    this.#stalling = true
  }

  get stalling(): boolean {
    return this.#stalling
  }

  /** Cuts all connections that are open now. */
  cutAll(): void {
    for (const link of this.#links) link.end()
  }

  /** Holds the answers of the server back until the returned function is called. */
  holdAnswers(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#held = promise
    return () => {
      this.#held = undefined
      resolve()
    }
  }

  /** Holds cancel requests back in the same way. */
  holdCancels(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#cancelsHeld = promise
    return () => {
      this.#cancelsHeld = undefined
      resolve()
    }
  }

  get held(): Promise<void> | undefined {
    return this.#held
  }

  get cancelsHeld(): Promise<void> | undefined {
    return this.#cancelsHeld
  }

  async close(): Promise<void> {
    this.cutAll()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(client: Socket): void {
    const { hostname, port } = this.#target
    const link = new Link(this, client, dial({ host: hostname, port: Number(port) }))
    this.#links.add(link)
    client.once('close', () => this.#links.delete(link))
  }

  /** What shall happen to a trip that is about to be passed on. */
  decide(trip: Buffer): ArmedCut | undefined {
    const cut = this.#cut
    if (cut === undefined || cut.matches?.(trip) === false) return undefined
    if (cut.skip-- > 0) return undefined
    if (--cut.times === 0) this.#cut = undefined
    return cut
  }
}

/** One client, its server connection, and what is between them. */
class Link {
  readonly #proxy: TcpProxy
  readonly #client: Socket
  readonly #server: Socket
  readonly #fromClient = new MessageReader('startup')
  readonly #fromServer = new MessageReader('message')
  #trip: Buffer[] = []
  #executesInTrip = 0
  /** The answer to swallow, and then to cut. */
  #losing: ArmedCut | undefined
  #answers: Promise<void> = Promise.resolve()

  constructor(proxy: TcpProxy, client: Socket, server: Socket) {
    this.#proxy = proxy
    this.#client = client
    this.#server = server
    client.on('data', (bytes: Buffer) =>
      this.#fromClient.read(bytes, (message) => this.#sent(message)),
    )
    server.on('data', (bytes: Buffer) =>
      this.#fromServer.read(bytes, (message) => this.#answered(message)),
    )
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', () => this.end())
      socket.on('close', () => this.end())
    }
  }

  end(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  #sent(message: Message): void {
    const { counters } = this.#proxy
    this.#trip.push(message.bytes)
    if (message.type === undefined) {
      this.#greet(message.bytes)
      return
    }
    if (message.type === code.execute) {
      counters.executes++
      this.#executesInTrip++
    }
    if (message.type === code.parse) counters.parses++
    if (message.type === code.sync || message.type === code.query) this.#passTrip()
    // The handshake and the step-by-step form: not trips, but somebody waits for an answer.
    else if (!isPartOfTrip(message.type)) this.#pass()
  }

  #greet(bytes: Buffer): void {
    const { counters, cancelsHeld } = this.#proxy
    const isCancel = isCancelRequest(bytes)
    if (isCancel) counters.cancels++
    else counters.connections++
    if (isCancel && cancelsHeld !== undefined) void cancelsHeld.then(() => this.#pass())
    else this.#pass()
  }

  #pass(): void {
    this.#server.write(Buffer.concat(this.#trip))
    this.#trip = []
  }

  #passTrip(): void {
    const several = this.#executesInTrip > 1
    this.#executesInTrip = 0
    if (several && this.#proxy.stalling) return
    const cut = this.#proxy.decide(Buffer.concat(this.#trip))
    if (cut?.kind === 'unsent') {
      this.end()
      cut.struck()
      return
    }
    this.#proxy.counters.trips++
    this.#losing = cut
    this.#pass()
  }

  #answered(message: Message): void {
    if (this.#losing === undefined) {
      this.#answer(message)
    } else if (message.type === code.ready) {
      this.end()
      this.#losing.struck()
    }
  }

  /** In order, also where some were held. */
  #answer(message: Message): void {
    const { held } = this.#proxy
    this.#answers = this.#answers.then(() => held).then(() => this.#write(message))
  }

  #write({ type, bytes }: Message): void {
    if (this.#client.destroyed) return
    this.#client.write(bytes)
    if (type === code.ready) this.#proxy.counters.answers++
  }
}

/** Messages after which the client goes on before it waits: all but Flush and the handshake's. */
function isPartOfTrip(type: number): boolean {
  return 'BCDEP'.includes(String.fromCharCode(type))
}
