/** The messages of the Postgres protocol (manual 55.7), as proxies see them: a type and bytes. */
export const messageType = {
  execute: 0x45,
  flush: 0x48,
  backendKey: 0x4b,
  parse: 0x50,
  query: 0x51,
  sync: 0x53,
  terminate: 0x58,
  ready: 0x5a,
} as const

export interface Message {
  /** Undefined for the first message of a client, which has no type. */
  readonly type: number | undefined
  readonly bytes: Buffer
}

/** Cuts a stream into messages: a type of one byte, then a length that counts itself. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0)
  #first: boolean

  constructor(starts: 'startup' | 'message') {
    this.#first = starts === 'startup'
  }

  read(bytes: Buffer, take: (message: Message) => void): void {
    this.#rest = Buffer.concat([this.#rest, bytes])
    for (let message = this.#next(); message !== undefined; message = this.#next()) take(message)
  }

  #next(): Message | undefined {
    const head = this.#first ? 0 : 1
    if (this.#rest.length < head + 4) return undefined
    const length = head + this.#rest.readInt32BE(head)
    if (this.#rest.length < length) return undefined
    const bytes = this.#rest.subarray(0, length)
    const type = this.#first ? undefined : bytes[0]
    this.#first = false
    this.#rest = this.#rest.subarray(length)
    return { type, bytes }
  }
}

const CANCEL_REQUEST = 80_877_102

/** Whether a first message asks to cancel what runs on another connection. */
export function isCancelRequest(bytes: Buffer): boolean {
  return bytes.readInt32BE(4) === CANCEL_REQUEST
}
