/**
 * The way to the database, which the test shuts, opens and stops: a forwarder on a port that stays.
 *
 * shut: connections are cut, and new ones refused, as by a server that is down.
 * silent: bytes are taken and go nowhere, as on a network that lost them. Nobody is told.
 * open: what was held goes on its way.
 */
import { once } from 'node:events'
import { createServer, connect as dial, type Server, type Socket } from 'node:net'

export class Door {
  /** Of the database, by way of the door. */
  readonly url: string
  readonly #port: number
  readonly #target: URL
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #silent = false

  private constructor(url: string, port: number) {
    this.#target = new URL(url)
    this.#port = port
    const own = new URL(url)
    own.hostname = '127.0.0.1'
    own.port = String(port)
    this.url = own.href
  }

  /** Shut, on a port that was free a moment ago. */
  static async to(url: string): Promise<Door> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    server.close()
    await once(server, 'close')
    return new Door(url, port)
  }

  async open(): Promise<void> {
    this.#silent = false
    for (const socket of this.#sockets) socket.resume()
    if (this.#server !== undefined) return
    this.#server = createServer((client) => this.#join(client)).listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async shut(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const socket of this.#sockets) socket.resetAndDestroy()
    if (server === undefined) return
    server.close()
    await once(server, 'close')
  }

  silence(): void {
    this.#silent = true
    for (const socket of this.#sockets) socket.pause()
  }

  #join(client: Socket): void {
    const server = dial({ host: this.#target.hostname, port: Number(this.#target.port) })
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from)
      if (this.#silent) from.pause()
      from.on('data', (bytes) => to.write(bytes))
      from.on('error', () => to.destroy())
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
  }
}
