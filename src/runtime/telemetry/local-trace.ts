/** What the spans of one trace in this process share, and the ids of spans. */
import { randomFillSync } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { FLAG_SAMPLED } from '../trace-context.ts'
import { TraceTime } from './trace-time.ts'

/**
 * 64 bits as two words, the high one first: written as bytes, and seldom read as a text. The words have a
 * sign: so V8 keeps them in the object, and not as numbers on the heap.
 */
export interface SpanId {
  readonly high: number
  readonly low: number
  /** Of another process. */
  readonly isRemote: boolean
}

export type TraceWords = readonly [number, number, number, number]

export interface LocalTraceParts {
  readonly words: TraceWords
  /** 32 hex digits: the same as the words. */
  readonly traceId: string
  readonly flags: number
  readonly tracestate?: string | undefined
  readonly clock: Clock
}

export class LocalTrace extends TraceTime {
  readonly words: TraceWords
  readonly traceId: string
  readonly flags: number
  readonly tracestate: string | undefined

  constructor({ words, traceId, flags, tracestate, clock }: LocalTraceParts) {
    super(clock)
    this.words = words
    this.traceId = traceId
    this.flags = flags
    this.tracestate = tracestate
  }

  get sampled(): boolean {
    return (this.flags & FLAG_SAMPLED) !== 0
  }
}

const RANDOM_WORDS = 1_024
const words = new Int32Array(RANDOM_WORDS)
let next = RANDOM_WORDS

export function newSpanId(): SpanId {
  return { high: randomWord(), low: randomWord(), isRemote: false }
}

export function newTraceWords(): TraceWords {
  return [randomWord(), randomWord(), randomWord(), randomWord()]
}

/** From 0 to below 1: what the right-most 56 bits say (Trace Context level 2, 3.2.2.5.2). */
export function randomPart([, , third, fourth]: TraceWords): number {
  return ((third & 0xff_ff_ff) * 2 ** 32 + (fourth >>> 0)) / 2 ** 56
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

/** 32 hex digits. */
export function traceIdText([first, second, third, fourth]: TraceWords): string {
  return hexOf(first) + hexOf(second) + hexOf(third) + hexOf(fourth)
}

export function remoteSpanId(text: string): SpanId {
  return { high: wordOf(text, 0), low: wordOf(text, 8), isRemote: true }
}

export function traceWords(traceId: string): TraceWords {
  return [wordOf(traceId, 0), wordOf(traceId, 8), wordOf(traceId, 16), wordOf(traceId, 24)]
}

function wordOf(hex: string, from: number): number {
  return Number.parseInt(hex.slice(from, from + 8), 16) | 0
}

/** By table: `toString` and `padStart` take as much as the rest of a span. */
const HEX = Array.from({ length: 0x100 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** 2 hex digits. */
export function byteText(byte: number): string {
  return HEX[byte & 0xff] as string
}

function hexOf(word: number): string {
  const [first, second] = [HEX[word >>> 24], HEX[(word >>> 16) & 0xff]]
  return `${first}${second}${HEX[(word >>> 8) & 0xff]}${HEX[word & 0xff]}`
}
