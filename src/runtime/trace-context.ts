import { randomBytes } from 'node:crypto'
import type { TraceSpan } from './telemetry/tracing.ts'

/** W3C Trace Context, level 2 (https://www.w3.org/TR/trace-context-2/): ids are lower-case hex. */
export interface TraceContext {
  readonly traceparent: string
  /** 32 hex digits, not all zero. */
  readonly traceId: string
  /** 16 hex digits, not all zero: the span of this process. */
  readonly spanId: string
  /** 16 hex digits: the caller's span, where there is one. */
  readonly parentSpanId?: string | undefined
  readonly sampled: boolean
  readonly tracestate?: string | undefined
  /** The open span of this context, where spans are collected. */
  readonly span?: TraceSpan | undefined
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const ZERO_TRACE = '0'.repeat(32)
const ZERO_SPAN = '0'.repeat(16)
export const FLAG_SAMPLED = 0x01
/** Level 2 §3.2.2.5.2: the right-most 7 bytes of the trace id are random. */
export const FLAG_RANDOM = 0x02

/** §3.3.1.3: at most 32 members; a longer list is dropped whole. */
const TRACESTATE_MEMBERS_MAX = 32
/** §3.3.1.5 asks to propagate at least 512 characters; more is refused so that logs stay small. */
const TRACESTATE_LENGTH_MAX = 512
const KEY = /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/
/** Printable ASCII without comma and equals sign, not ending in a space. */
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

export interface TraceParent {
  readonly traceId: string
  readonly spanId: string
  readonly flags: number
}

/** Strict: undefined where anything is off, and the trace is then started anew (§4.3). */
export function parseTraceparent(header: string): TraceParent | undefined {
  const match = TRACEPARENT.exec(header)
  if (match === null) return undefined
  const [, version, traceId, spanId, flags, rest] = match as unknown as string[]
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (traceId === ZERO_TRACE || spanId === ZERO_SPAN) return undefined
  return {
    traceId: traceId as string,
    spanId: spanId as string,
    flags: Number.parseInt(flags as string, 16) & (FLAG_SAMPLED | FLAG_RANDOM),
  }
}

/** The list as it is to be passed on, or undefined where it breaks the grammar or a bound (§3.3). */
export function parseTracestate(header: string): string | undefined {
  if (header.length > TRACESTATE_LENGTH_MAX) return undefined
  const members = header.split(',').map(trimOws).filter(Boolean)
  if (members.length === 0 || members.length > TRACESTATE_MEMBERS_MAX) return undefined
  const keys = new Set<string>()
  for (const member of members) {
    const equals = member.indexOf('=')
    const key = member.slice(0, equals)
    if (equals < 1 || !KEY.test(key) || !VALUE.test(member.slice(equals + 1))) return undefined
    keys.add(key)
  }
  return keys.size === members.length ? members.join(',') : undefined
}

/** Spaces and tabs only: String.trim would take more than the grammar's OWS. */
function trimOws(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}

/** The context of a new span here: a child of the caller's, or the first of a new trace. */
export function traceContext(traceparent?: string, tracestate?: string): TraceContext {
  const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent)
  if (parent === undefined) return newTrace()
  const spanId = randomHex(16)
  const flags = parent.flags.toString(16).padStart(2, '0')
  const state = tracestate === undefined ? undefined : parseTracestate(tracestate)
  return {
    traceparent: `00-${parent.traceId}-${spanId}-${flags}`,
    traceId: parent.traceId,
    spanId,
    parentSpanId: parent.spanId,
    sampled: (parent.flags & FLAG_SAMPLED) !== 0,
    ...(state === undefined ? {} : { tracestate: state }),
  }
}

/** A child span of a context of ours, for work that goes on elsewhere. */
export function childTrace(parent: TraceContext): TraceContext {
  return traceContext(parent.traceparent, parent.tracestate)
}

function newTrace(): TraceContext {
  const traceId = randomHex(32)
  const spanId = randomHex(16)
  return { traceparent: `00-${traceId}-${spanId}-03`, traceId, spanId, sampled: true }
}

const POOL_BYTES = 4096
let pool = ''
let used = 0

/** Digits of a refilled text: one call into the generator for some 170 traces. */
function randomHex(digits: number): string {
  if (used + digits > pool.length) {
    pool = randomBytes(POOL_BYTES).toString('hex')
    used = 0
  }
  used += digits
  return pool.slice(used - digits, used)
}
