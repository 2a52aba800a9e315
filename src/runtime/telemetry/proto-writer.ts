/**
 * Protocol buffers, as far as OTLP needs them (https://protobuf.dev/programming-guides/encoding/):
 * written in one pass, forwards, into a buffer of a fixed size.
 *
 * The length of a message is not known before it is written. Its place is kept with three bytes, a
 * varint longer than it need be, which every reader takes.
 */

/** The buffer has no room for what was to be written. One object: its stack tells nobody anything. */
export class FullError extends Error {}
const FULL = new FullError('The buffer is full.')

const VARINT = 0
const FIXED_64 = 1
const DELIMITED = 2
const FIXED_32 = 5

const LENGTH_BYTES = 3
/** What three bytes of seven bits can tell: no buffer may be larger. */
export const BUFFER_BYTES_MAX = 2 ** 21 - 1
const VARINT_BYTES_MAX = 10
/** A character of UTF-16 takes at most so many bytes of UTF-8. */
const UTF8_BYTES_MAX = 3
/** Shorter texts are copied by a loop, which costs less than a call out of JavaScript. */
const SHORT_TEXT_LENGTH = 48

export class ProtoWriter {
  readonly bytes: Buffer<ArrayBuffer>
  /** Where the next byte goes. Setting it back forgets what came after. */
  at = 0

  constructor(bytes: Buffer<ArrayBuffer>) {
    this.bytes = bytes
  }

  /** Begins a message; what is returned ends it. */
  open(field: number): number {
    this.#tag(field, DELIMITED)
    this.#room(LENGTH_BYTES)
    this.at += LENGTH_BYTES
    return this.at
  }

  close(start: number): void {
    const length = this.at - start
    this.bytes[start - 3] = (length & 0x7f) | 0x80
    this.bytes[start - 2] = ((length >> 7) & 0x7f) | 0x80
    this.bytes[start - 1] = length >> 14
  }

  text(field: number, value: string): void {
    const start = this.open(field)
    this.#room(value.length * UTF8_BYTES_MAX)
    if (value.length > SHORT_TEXT_LENGTH || !this.#ascii(value)) {
      this.at = start + this.bytes.write(value, start)
    }
    this.close(start)
  }

  /** False, and nothing is written, where a character is none of ASCII. */
  #ascii(value: string): boolean {
    const { bytes, at } = this
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index)
      if (code > 0x7f) return false
      bytes[at + index] = code
    }
    this.at = at + value.length
    return true
  }

  /** An integer that a double holds exactly; negative ones as 64 bits of two's complement. */
  varint(field: number, value: number): void {
    this.#tag(field, VARINT)
    this.#room(VARINT_BYTES_MAX)
    if (value < 0) this.#varint64(BigInt.asUintN(64, BigInt(value)))
    else this.#varint(value)
  }

  #varint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.bytes[this.at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.bytes[this.at++] = rest
  }

  #varint64(value: bigint): void {
    let rest = value
    while (rest > 0x7fn) {
      this.bytes[this.at++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.bytes[this.at++] = Number(rest)
  }

  fixed32(field: number, value: number): void {
    this.#tag(field, FIXED_32)
    this.#room(4)
    this.at = this.bytes.writeUInt32LE(value, this.at)
  }

  fixed64(field: number, high: number, low: number): void {
    this.#tag(field, FIXED_64)
    this.#room(8)
    this.bytes.writeUInt32LE(low, this.at)
    this.at = this.bytes.writeUInt32LE(high, this.at + 4)
  }

  double(field: number, value: number): void {
    this.#tag(field, FIXED_64)
    this.#room(8)
    this.at = this.bytes.writeDoubleLE(value, this.at)
  }

  /** Bytes that are told as words of 32 bits with a sign, the first byte the highest. */
  words(field: number, ...words: readonly number[]): void {
    const start = this.open(field)
    this.#room(4 * words.length)
    for (const word of words) this.at = this.bytes.writeInt32BE(word, this.at)
    this.close(start)
  }

  /** Fields that have been written before. */
  copy(fields: Uint8Array): void {
    this.#room(fields.length)
    this.bytes.set(fields, this.at)
    this.at += fields.length
  }

  #tag(field: number, type: number): void {
    const tag = (field << 3) | type
    this.#room(2)
    if (tag > 0x7f) this.bytes[this.at++] = (tag & 0x7f) | 0x80
    this.bytes[this.at++] = tag > 0x7f ? tag >> 7 : tag
  }

  #room(count: number): void {
    if (this.at + count > this.bytes.length) throw FULL
  }
}
