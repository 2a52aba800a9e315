/**
 * Frontend messages of the extended query protocol (Postgres manual 55.7), written one behind the
 * other into one buffer and sent with one write: a batch of ten statements is one system call and
 * one packet, where a message at a time would be thirty chunks for the socket to gather.
 */

/** Where a batch starts; it doubles as needed and is kept for the next batch. */
const INITIAL_BYTES = 16 * 1024
/** A buffer that one large value has blown up is not kept. */
const KEPT_BYTES_MAX = 256 * 1024
/** UTF-8 takes at most three bytes for each UTF-16 code unit. */
const UTF8_BYTES_PER_UNIT = 3
/** Int32 length, Int16 counts, codes and terminators of one message, generously. */
const FRAME_BYTES = 64

const code = {
  bind: 66,
  close: 67,
  describe: 68,
  execute: 69,
  flush: 72,
  parse: 80,
  sync: 83,
} as const
/** Beyond it the runtime's own writing, vectorized, is ahead of a loop. */
const LOOP_LENGTH_MAX = 64
const ASCII_MAX = 0x7f

const STATEMENT = 83
const PORTAL = 80
const NULL_LENGTH = -1

export type WireValue = string | Buffer | null

export class WireWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES)
  #end = 0

  /** Drops what an earlier batch may have left behind by failing half way. */
  reset(): void {
    this.#end = 0
  }

  parse(name: string, text: string): void {
    const start = this.#begin(code.parse, name.length + text.length * UTF8_BYTES_PER_UNIT)
    this.#asciiZ(name)
    this.#end += this.#buffer.write(text, this.#end, 'utf8')
    this.#byte(0)
    this.#int16(0)
    this.#finish(start)
  }

  /** The unnamed portal on a statement; values as text, bytes as bytes. */
  bind(statement: string, values: readonly WireValue[]): void {
    const start = this.#begin(code.bind, statement.length + values.length * 2)
    this.#byte(0)
    this.#asciiZ(statement)
    this.#formats(values)
    this.#int16(values.length)
    for (let index = 0; index < values.length; index++) this.#value(values[index] as WireValue)
    this.#reserve(2)
    this.#int16(0)
    this.#finish(start)
  }

  /** No codes: all text. One code for each value as soon as there are bytes among them. */
  #formats(values: readonly WireValue[]): void {
    if (!values.some(isBytes)) {
      this.#int16(0)
      return
    }
    this.#int16(values.length)
    for (const value of values) this.#int16(isBytes(value) ? 1 : 0)
  }

  #value(value: WireValue): void {
    if (value === null) {
      this.#reserve(FRAME_BYTES)
      this.#int32(NULL_LENGTH)
    } else if (typeof value === 'string') this.#text(value)
    else this.#bytes(value)
  }

  #text(value: string): void {
    this.#reserve(FRAME_BYTES + value.length * UTF8_BYTES_PER_UNIT)
    const at = this.#end
    this.#end += 4
    this.#string(value)
    this.#putInt32(this.#end - at - 4, at)
  }

  /** Most values are a few plain letters: a loop here is faster than the way into the runtime. */
  #string(value: string): void {
    if (value.length <= LOOP_LENGTH_MAX && this.#ascii(value)) return
    this.#end += this.#buffer.write(value, this.#end, 'utf8')
  }

  /** False, and nothing counted as written, where a character is not ASCII. */
  #ascii(value: string): boolean {
    const buffer = this.#buffer
    const { length } = value
    let at = this.#end
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index)
      if (unit > ASCII_MAX) return false
      buffer[at++] = unit
    }
    this.#end = at
    return true
  }

  #bytes(value: Buffer): void {
    this.#reserve(FRAME_BYTES + value.length)
    this.#int32(value.length)
    this.#end += value.copy(this.#buffer, this.#end)
  }

  describePortal(): void {
    const start = this.#begin(code.describe, 0)
    this.#byte(PORTAL)
    this.#byte(0)
    this.#finish(start)
  }

  /** `rows`: 0 for all of them. */
  execute(rows: number): void {
    const start = this.#begin(code.execute, 0)
    this.#byte(0)
    this.#int32(rows)
    this.#finish(start)
  }

  closeStatement(name: string): void {
    const start = this.#begin(code.close, name.length)
    this.#byte(STATEMENT)
    this.#asciiZ(name)
    this.#finish(start)
  }

  flush(): void {
    this.#finish(this.#begin(code.flush, 0))
  }

  sync(): void {
    this.#finish(this.#begin(code.sync, 0))
  }

  /** What was written since the last time, as a buffer of its own: the socket keeps it for a while. */
  take(): Buffer {
    const taken = Buffer.from(this.#buffer.subarray(0, this.#end))
    this.#end = 0
    if (this.#buffer.length > KEPT_BYTES_MAX) this.#buffer = Buffer.allocUnsafe(INITIAL_BYTES)
    return taken
  }

  /** Type and room for the length; returns where the length belongs. */
  #begin(type: number, bytes: number): number {
    this.#reserve(FRAME_BYTES + bytes)
    this.#byte(type)
    const start = this.#end
    this.#end += 4
    return start
  }

  #finish(start: number): void {
    this.#putInt32(this.#end - start, start)
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#end)
    this.#buffer = larger
  }

  /** Names of ours: ASCII, checked by whoever makes them. */
  #asciiZ(text: string): void {
    this.#string(text)
    this.#byte(0)
  }

  #byte(value: number): void {
    this.#buffer[this.#end++] = value
  }

  #int16(value: number): void {
    const buffer = this.#buffer
    buffer[this.#end++] = value >>> 8
    buffer[this.#end++] = value & 0xff
  }

  #int32(value: number): void {
    this.#putInt32(value, this.#end)
    this.#end += 4
  }

  /** By hand: the methods of Buffer check again what is known here. */
  #putInt32(value: number, at: number): void {
    const buffer = this.#buffer
    buffer[at] = value >>> 24
    buffer[at + 1] = (value >>> 16) & 0xff
    buffer[at + 2] = (value >>> 8) & 0xff
    buffer[at + 3] = value & 0xff
  }
}

function isBytes(value: WireValue): value is Buffer {
  return typeof value === 'object' && value !== null
}
