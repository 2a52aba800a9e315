/** Bytes out, bytes in: what no well-behaved client would send. */
import { connect, type Socket } from 'node:net'

export interface RawReply {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** A reply that does not come, or a connection that does not end, is a failure of the test. */
const PATIENCE_MS = 15_000

export class RawConnection {
  readonly socket: Socket
  #received = ''
  #ended = false
  #wake: (() => void) | undefined

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.setEncoding('latin1')
    this.socket.setTimeout(PATIENCE_MS, () => this.socket.destroy(new Error('no answer')))
    this.socket.on('data', (text: unknown) => {
      this.#received += text
      this.#wake?.()
    })
    for (const event of ['end', 'close', 'error'] as const)
      this.socket.on(event, () => {
        this.#ended = true
        this.#wake?.()
      })
  }

  write(text: string | Uint8Array): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
  }

  /** The next reply; `head` where it answers HEAD. Undefined where the connection ended before. */
  async reply(options: { readonly head?: boolean } = {}): Promise<RawReply | undefined> {
    for (;;) {
      const reply = this.#take(options.head === true)
      if (reply !== undefined) return reply
      if (this.#ended) return undefined
      await this.#more()
    }
  }

  /** Resolves once the server has ended the connection; gives what came after the last reply. */
  async end(): Promise<string> {
    while (!this.#ended) await this.#more()
    return this.#received
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #take(head: boolean): RawReply | undefined {
    const blank = this.#received.indexOf('\r\n\r\n')
    if (blank < 0) return undefined
    const [line = '', ...fields] = this.#received.slice(0, blank).split('\r\n')
    const headers = new Map(fields.map(splitField))
    const status = Number(line.split(' ')[1])
    const length =
      head || status === 304 || status < 200 ? 0 : Number(headers.get('content-length') ?? 0)
    const end = blank + 4 + length
    if (this.#received.length < end) return undefined
    const body = Buffer.from(this.#received.slice(blank + 4, end), 'latin1').toString()
    this.#received = this.#received.slice(end)
    return { status, headers, body }
  }
}

function splitField(field: string): [string, string] {
  const colon = field.indexOf(':')
  return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()]
}

/** One request on a connection of its own, and its one reply. */
export async function exchange(
  port: number,
  bytes: string | Uint8Array,
): Promise<RawReply | undefined> {
  const connection = new RawConnection(port)
  connection.write(bytes)
  const reply = await connection.reply()
  connection.socket.destroy()
  return reply
}
