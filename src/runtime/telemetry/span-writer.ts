/**
 * Spans as OTLP in its binary form (opentelemetry-proto 1.7, trace.proto and collector/trace/v1): one
 * request to the collector is one buffer, which is filled as spans end.
 */
import type { Attributes, AttributeValue, Link } from '@opentelemetry/api'
import { remoteSpanId, traceWords } from './local-trace.ts'
import { FullError, ProtoWriter } from './proto-writer.ts'
import type { RecordedSpan, SpanEvent } from './recorded-span.ts'
import type { Kind, SpanShape } from './tracing.ts'

/** Numbers of the fields, by message. */
const REQUEST = { resourceSpans: 1 }
const RESOURCE_SPANS = { resource: 1, scopeSpans: 2 }
const RESOURCE = { attributes: 1 }
const SCOPE_SPANS = { scope: 1, spans: 2 }
const SCOPE = { name: 1 }
const SPAN = {
  traceId: 1,
  spanId: 2,
  traceState: 3,
  parentSpanId: 4,
  name: 5,
  kind: 6,
  start: 7,
  end: 8,
  attributes: 9,
  attributesDropped: 10,
  events: 11,
  eventsDropped: 12,
  links: 13,
  linksDropped: 14,
  status: 15,
  flags: 16,
}
const EVENT = { time: 1, name: 2, attributes: 3 }
const LINK = { traceId: 1, spanId: 2, traceState: 3, attributes: 4, flags: 6 }
const STATUS = { message: 2, code: 3 }
const KEY_VALUE = { key: 1, value: 2 }
const ANY = { text: 1, flag: 2, integer: 3, double: 4, array: 5 }
const ARRAY = { values: 1 }

const KINDS: Readonly<Record<Kind, number>> = {
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
}
/** SpanFlags: whether the parent is remote is known, and that it is. */
const HAS_IS_REMOTE = 0x100
const IS_REMOTE = 0x200
const NANOS_PER_MS = 1e6
const TWO_32 = 2 ** 32
/** The largest shape: a statement's text is cut far below. */
const SHAPE_BYTES_MAX = 64 * 1024

export class SpanWriter {
  readonly #out: ProtoWriter
  readonly #resourceSpans: number
  #scope: string | undefined
  #scopeSpans = 0
  count = 0

  constructor(buffer: Buffer<ArrayBuffer>, serviceName: string) {
    this.#out = new ProtoWriter(buffer)
    this.#resourceSpans = this.#out.open(REQUEST.resourceSpans)
    const resource = this.#out.open(RESOURCE_SPANS.resource)
    attribute(this.#out, RESOURCE.attributes, 'service.name', serviceName)
    this.#out.close(resource)
  }

  /** False where it does not fit; nothing is changed then. */
  add(span: RecordedSpan): boolean {
    const { at } = this.#out
    const [scope, scopeSpans] = [this.#scope, this.#scopeSpans]
    try {
      this.#into(span.scope)
      writeSpan(this.#out, span)
    } catch (error) {
      if (!(error instanceof FullError)) throw error
      this.#out.at = at
      this.#scope = scope
      this.#scopeSpans = scopeSpans
      return false
    }
    this.count++
    return true
  }

  /** Spans of one scope that follow one another share its message. */
  #into(scope: string): void {
    if (scope === this.#scope) return
    if (this.#scope !== undefined) this.#out.close(this.#scopeSpans)
    this.#scopeSpans = this.#out.open(RESOURCE_SPANS.scopeSpans)
    const named = this.#out.open(SCOPE_SPANS.scope)
    this.#out.text(SCOPE.name, scope)
    this.#out.close(named)
    this.#scope = scope
  }

  /** The length of the whole request. */
  end(): number {
    if (this.#scope !== undefined) this.#out.close(this.#scopeSpans)
    this.#out.close(this.#resourceSpans)
    return this.#out.at
  }
}

function writeSpan(out: ProtoWriter, span: RecordedSpan): void {
  const { local, id, parent, events, links, dropped } = span
  const start = out.open(SCOPE_SPANS.spans)
  out.words(SPAN.traceId, ...local.words)
  out.words(SPAN.spanId, id.high, id.low)
  if (local.tracestate !== undefined) out.text(SPAN.traceState, local.tracestate)
  if (parent !== undefined) out.words(SPAN.parentSpanId, parent.high, parent.low)
  nanos(out, SPAN.start, span.startMs)
  nanos(out, SPAN.end, span.endMs)
  out.fixed32(SPAN.flags, flagsOf(local.flags, parent?.isRemote ?? false))
  out.copy(writtenShape(span.shape))
  attributes(out, SPAN.attributes, span.attributes)
  if (dropped.attributes > 0) out.varint(SPAN.attributesDropped, dropped.attributes)
  for (const event of events ?? []) writeEvent(out, event)
  if (dropped.events > 0) out.varint(SPAN.eventsDropped, dropped.events)
  for (const link of links ?? []) writeLink(out, link)
  if (dropped.links > 0) out.varint(SPAN.linksDropped, dropped.links)
  writeStatus(out, span)
  out.close(start)
}

const shapes = new WeakMap<SpanShape, Uint8Array>()

function writtenShape(shape: SpanShape): Uint8Array {
  let written = shapes.get(shape)
  if (written === undefined) {
    written = writeShape(shape)
    shapes.set(shape, written)
  }
  return written
}

/** Shapes are written here and kept as copies of what was written. */
const scratch = new ProtoWriter(Buffer.from(new ArrayBuffer(SHAPE_BYTES_MAX)))

function writeShape(shape: SpanShape): Uint8Array {
  const out = scratch
  out.at = 0
  out.text(SPAN.name, shape.name)
  out.varint(SPAN.kind, KINDS[shape.kind])
  attributes(out, SPAN.attributes, shape.attributes)
  return new Uint8Array(out.bytes.subarray(0, out.at))
}

function writeStatus(out: ProtoWriter, { status: { code, message } }: RecordedSpan): void {
  if (code === 0) return
  const start = out.open(SPAN.status)
  if (message !== undefined) out.text(STATUS.message, message)
  out.varint(STATUS.code, code)
  out.close(start)
}

function writeEvent(out: ProtoWriter, { name, atMs, attributes: own }: SpanEvent): void {
  const start = out.open(SPAN.events)
  nanos(out, EVENT.time, atMs)
  out.text(EVENT.name, name)
  attributes(out, EVENT.attributes, own)
  out.close(start)
}

function writeLink(out: ProtoWriter, { context, attributes: own }: Link): void {
  const { traceId, spanId, traceFlags, traceState, isRemote } = context
  const state = traceState?.serialize()
  const { high, low } = remoteSpanId(spanId)
  const start = out.open(SPAN.links)
  out.words(LINK.traceId, ...traceWords(traceId))
  out.words(LINK.spanId, high, low)
  if (state) out.text(LINK.traceState, state)
  attributes(out, LINK.attributes, own)
  out.fixed32(LINK.flags, flagsOf(traceFlags, isRemote ?? false))
  out.close(start)
}

/** A double holds the milliseconds, and not the nanoseconds: they are put together from two words. */
function nanos(out: ProtoWriter, field: number, epochMs: number): void {
  const whole = Math.floor(epochMs)
  const low = (whole % TWO_32) * NANOS_PER_MS + Math.round((epochMs - whole) * NANOS_PER_MS)
  const high = Math.floor(whole / TWO_32) * NANOS_PER_MS + Math.floor(low / TWO_32)
  out.fixed64(field, high, low % TWO_32)
}

function flagsOf(traceFlags: number, isRemote: boolean): number {
  return traceFlags | HAS_IS_REMOTE | (isRemote ? IS_REMOTE : 0)
}

function attributes(out: ProtoWriter, field: number, all: Attributes | undefined): void {
  for (const key in all) {
    const value = all[key]
    if (value !== undefined) attribute(out, field, key, value)
  }
}

function attribute(out: ProtoWriter, field: number, key: string, value: AttributeValue): void {
  const start = out.open(field)
  out.text(KEY_VALUE.key, key)
  anyValue(out, KEY_VALUE.value, value)
  out.close(start)
}

function anyValue(out: ProtoWriter, field: number, value: AttributeValue | null): void {
  const start = out.open(field)
  if (typeof value === 'string') out.text(ANY.text, value)
  else if (typeof value === 'boolean') out.varint(ANY.flag, Number(value))
  else if (Number.isSafeInteger(value)) out.varint(ANY.integer, value as number)
  else if (typeof value === 'number') out.double(ANY.double, value)
  else if (Array.isArray(value)) arrayValue(out, value)
  out.close(start)
}

function arrayValue(out: ProtoWriter, values: readonly (AttributeValue | null)[]): void {
  const start = out.open(ANY.array)
  for (const each of values) anyValue(out, ARRAY.values, each)
  out.close(start)
}
