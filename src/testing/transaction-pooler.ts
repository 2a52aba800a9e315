/**
 * A pooler in transaction mode, as small as it can be: clients share few server connections and
 * hold one from the first statement of a transaction to its end, no longer. It knows nothing of
 * prepared statements, like PgBouncer before 1.21, so that whatever a client leaves on a server
 * connection meets the next client.
 */
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { isCancelRequest, type Message, MessageReader, messageType } from './wire-messages.ts'

/** Process and secret key of a server connection, or what we tell a client in their place. */
type Key = string

const IDLE = 'I'.charCodeAt(0)
let lastKey = 0

export class TransactionPooler {
  readonly url: string
  readonly #server: Server
  readonly #target: URL
  readonly #sizeMax: number
  readonly #idle: ServerConnection[] = []
  readonly #waiting: ((connection: ServerConnection) => void)[] = []
  readonly #clients = new Map<Key, PooledClient>()
  readonly #connections = new Set<ServerConnection>()

  private constructor(server: Server, target: URL, sizeMax: number) {
    this.#server = server
    this.#target = target
    this.#sizeMax = sizeMax
    const own = new URL(target)
    own.hostname = '127.0.0.1'
    own.port = String((server.address() as { port: number }).port)
    this.url = own.href
  }

  static async start(url: string, sizeMax = 2): Promise<TransactionPooler> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const pooler = new TransactionPooler(server, new URL(url), sizeMax)
    server.on('connection', (socket) => new PooledClient(pooler, socket))
    return pooler
  }

  dial(): Socket {
    const { hostname, port } = this.#target
    return dial({ host: hostname, port: Number(port) }).setNoDelay(true)
  }

  register(key: Key, client: PooledClient): void {
    this.#clients.set(key, client)
  }

  keyOnServer(key: Key): Key | undefined {
    return this.#clients.get(key)?.connection?.key
  }

  acquire(): Promise<ServerConnection> {
    const idle = this.#idle.pop()
    if (idle !== undefined) return Promise.resolve(idle)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Each client logs in on a connection of its own and leaves it to all of them, up to the bound. */
  release(connection: ServerConnection): void {
    this.#connections.add(connection)
    const next = this.#waiting.shift()
    if (next !== undefined) next(connection)
    else if (this.#idle.length < this.#sizeMax) this.#idle.push(connection)
    else this.discard(connection)
  }

  discard(connection: ServerConnection): void {
    this.#connections.delete(connection)
    connection.socket.destroy()
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.socket.destroy()
    for (const client of this.#clients.values()) client.end()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

class ServerConnection {
  readonly socket: Socket
  readonly #reader = new MessageReader('message')
  key: Key | undefined
  /** Who gets the messages of the server now. */
  receive: (message: Message) => void = () => {}

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes: Buffer) => {
      this.#reader.read(bytes, (message) => {
        if (message.type === messageType.backendKey) this.key = message.bytes.toString('hex', 5)
        this.receive(message)
      })
    })
  }
}

class PooledClient {
  readonly #pooler: TransactionPooler
  readonly #socket: Socket
  readonly #reader = new MessageReader('startup')
  connection: ServerConnection | undefined
  #trip: Buffer[] = []
  #ready = false
  #passing: Promise<void> = Promise.resolve()

  constructor(pooler: TransactionPooler, socket: Socket) {
    this.#pooler = pooler
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#left())
    socket.on('data', (bytes: Buffer) => this.#reader.read(bytes, (each) => this.#sent(each)))
  }

  end(): void {
    this.#socket.destroy()
  }

  /** In the middle of a transaction nobody else can go on with its connection. */
  #left(): void {
    if (this.connection !== undefined) this.#pooler.discard(this.connection)
  }

  #sent({ type, bytes }: Message): void {
    if (type === undefined) this.#greet(bytes)
    else if (!this.#ready) this.connection?.socket.write(bytes)
    else if (type === messageType.terminate) this.end()
    else {
      this.#trip.push(bytes)
      if (type === messageType.sync || type === messageType.query) this.#pass()
    }
  }

  #greet(bytes: Buffer): void {
    if (isCancelRequest(bytes)) {
      this.#cancel(bytes)
      return
    }
    this.connection = new ServerConnection(this.#pooler.dial())
    this.connection.receive = (message) => this.#answered(message)
    this.connection.socket.write(bytes)
  }

  #cancel(bytes: Buffer): void {
    const key = this.#pooler.keyOnServer(bytes.toString('hex', 8))
    if (key === undefined) {
      this.end()
      return
    }
    const server = this.#pooler.dial()
    server.on('close', () => this.end())
    server.end(Buffer.concat([bytes.subarray(0, 8), Buffer.from(key, 'hex')]))
  }

  #pass(): void {
    const trip = Buffer.concat(this.#trip)
    this.#trip = []
    this.#passing = this.#passing.then(async () => {
      this.connection ??= await this.#pooler.acquire()
      this.connection.receive = (message) => this.#answered(message)
      this.connection.socket.write(trip)
    })
  }

  #answered(message: Message): void {
    this.#socket.write(message.type === messageType.backendKey ? this.#ownKey() : message.bytes)
    if (message.type !== messageType.ready) return
    this.#ready = true
    const { connection } = this
    if (message.bytes[5] !== IDLE || connection === undefined) return
    this.connection = undefined
    this.#pooler.release(connection)
  }

  /** A process id that no server has, so that a probe can tell. */
  #ownKey(): Buffer {
    const message = Buffer.alloc(13)
    message.writeUInt8(messageType.backendKey, 0)
    message.writeInt32BE(12, 1)
    message.writeInt32BE(0x7f000000 + ++lastKey, 5)
    this.#pooler.register(message.toString('hex', 5), this)
    return message
  }
}
