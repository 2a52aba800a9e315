/** What the spans of one trace in this process share, and the ids of spans. */
import { randomFillSync } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { FLAG_SAMPLED } from '../trace-context.ts'

/** 64 bits as two words, the high one first: written as bytes, and seldom read as a text. */
export interface SpanId {
  readonly high: number
  readonly low: number
  /** Of another process. */
  readonly isRemote: boolean
}

export type TraceWords = readonly [number, number, number, number]

export class LocalTrace {
  /** 32 hex digits. */
  readonly traceId: string
  /** The same as four words. */
  readonly words: TraceWords
  readonly flags: number
  readonly tracestate: string | undefined
  readonly #clock: Clock
  /** From the clock that never goes back to the wall clock, taken once: a trace has one time. */
  readonly #epochMs: number

  constructor(traceId: string, flags: number, tracestate: string | undefined, clock: Clock) {
    this.traceId = traceId
    this.words = traceWords(traceId)
    this.flags = flags
    this.tracestate = tracestate
    this.#clock = clock
    this.#epochMs = clock.now() - clock.monotonicMs()
  }

  get sampled(): boolean {
    return (this.flags & FLAG_SAMPLED) !== 0
  }

  /** Milliseconds since the Unix epoch, with their fractions. */
  nowMs(): number {
    return this.#epochMs + this.#clock.monotonicMs()
  }
}

const RANDOM_WORDS = 1_024
const words = new Uint32Array(RANDOM_WORDS)
let next = RANDOM_WORDS

export function newSpanId(): SpanId {
  return { high: randomWord(), low: randomWord(), isRemote: false }
}

function randomWord(): number {
  if (next === RANDOM_WORDS) {
    randomFillSync(words)
    next = 0
  }
  return words[next++] as number
}

/** 16 hex digits. */
export function spanIdText({ high, low }: SpanId): string {
  return hexOf(high) + hexOf(low)
}

export function remoteSpanId(text: string): SpanId {
  return { high: wordOf(text, 0), low: wordOf(text, 8), isRemote: true }
}

export function traceWords(traceId: string): TraceWords {
  return [wordOf(traceId, 0), wordOf(traceId, 8), wordOf(traceId, 16), wordOf(traceId, 24)]
}

function wordOf(hex: string, from: number): number {
  return Number.parseInt(hex.slice(from, from + 8), 16)
}

/** By table: `toString` and `padStart` take as much as the rest of a span. */
const HEX = Array.from({ length: 0x100 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function hexOf(word: number): string {
  const [first, second] = [HEX[word >>> 24], HEX[(word >>> 16) & 0xff]]
  return `${first}${second}${HEX[(word >>> 8) & 0xff]}${HEX[word & 0xff]}`
}
