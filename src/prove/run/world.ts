import { sha256 } from '../../base/digest.ts'

/** Any moment will do; one that is the same in every run, and no round number. */
const START_MS = Date.UTC(2030, 0, 15, 10, 30)

/** The clock and the random values of one command in one run: the same in each. */
export class CommandWorld {
  nowMs = START_MS
  readonly #name: string
  #draws = 0

  constructor(name: string) {
    this.#name = name
  }

  bytes(size: number): Uint8Array {
    const parts: Uint8Array[] = []
    for (let length = 0; length < size; length += 32) {
      this.#draws += 1
      parts.push(sha256(`${this.#name} ${this.#draws}`))
    }
    return Buffer.concat(parts).subarray(0, size)
  }

  fraction(): number {
    return Buffer.from(this.bytes(6)).readUIntBE(0, 6) / 2 ** 48
  }

  uuid(): string {
    const bytes = Buffer.from(this.bytes(16))
    bytes.writeUInt8(((bytes[6] ?? 0) & 0x0f) | 0x40, 6)
    bytes.writeUInt8(((bytes[8] ?? 0) & 0x3f) | 0x80, 8)
    const hex = bytes.toString('hex')
    const part = (from: number, to: number) => hex.slice(from, to)
    return `${part(0, 8)}-${part(8, 12)}-${part(12, 16)}-${part(16, 20)}-${part(20, 32)}`
  }
}
