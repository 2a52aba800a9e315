/**
 * A span that Holdfast records itself: what our own places open, and what an app opens inside of them by
 * way of `@opentelemetry/api`. Its fields are written once, when it ends.
 */
import type {
  Attributes,
  AttributeValue,
  Exception,
  Link,
  Span,
  SpanContext,
  SpanStatus,
  TimeInput,
} from '@opentelemetry/api'
import type { TraceContext } from '../trace-context.ts'
import { byteText, type LocalTrace, newSpanId, type SpanId, spanIdText } from './local-trace.ts'
import type { OpenTelemetryApi } from './registered-tracing.ts'
import type { SpanAttributes, SpanShape, TraceSpan } from './tracing.ts'

/** Where spans of one origin go. */
export interface SpanSink {
  readonly api: OpenTelemetryApi
  readonly run: RunInSpan
  add(span: RecordedSpan): void
}

/** Makes a span the active one of `@opentelemetry/api` while `work` runs, and behind its awaits. */
export type RunInSpan = <T>(span: RecordedSpan, work: () => T) => T

export interface SpanStart {
  readonly sink: SpanSink
  /** The instrumentation scope: who opens the span. */
  readonly scope: string
  readonly trace: LocalTrace
  readonly shape: SpanShape
  readonly parent?: SpanId | undefined
  readonly startMs?: number | undefined
}

/** What was beyond a limit. */
interface Dropped {
  readonly attributes: number
  readonly events: number
  readonly links: number
}

export interface SpanEvent {
  readonly name: string
  readonly atMs: number
  readonly attributes: Attributes | undefined
}

/** SpanStatusCode of the API. */
const UNSET: SpanStatus = { code: 0 }
const OK = 1
const ERROR = 2
/** Defaults of the specification (trace/sdk, "Span Limits"); what is beyond is counted. */
const ATTRIBUTES_MAX = 128
const EVENTS_MAX = 128
const LINKS_MAX = 128

const NONE_DROPPED: Dropped = { attributes: 0, events: 0, links: 0 }

/** It is its own context, too: ids become texts when somebody asks for them. */
export class RecordedSpan implements TraceSpan, Span, TraceContext {
  readonly scope: string
  readonly local: LocalTrace
  readonly id = newSpanId()
  readonly parent: SpanId | undefined
  readonly startMs: number
  endMs = 0
  shape: SpanShape
  /** Beyond those of the shape. */
  attributes: Attributes | undefined
  dropped = NONE_DROPPED
  events: SpanEvent[] | undefined
  links: Link[] | undefined
  status: SpanStatus = UNSET
  readonly #sink: SpanSink
  #attributesLeft = ATTRIBUTES_MAX
  #ended = false
  #spanId: string | undefined

  constructor({ sink, scope, trace, shape, parent, startMs }: SpanStart) {
    this.#sink = sink
    this.scope = scope
    this.local = trace
    this.shape = shape
    this.parent = parent
    this.startMs = startMs ?? trace.nowMs()
  }

  get sampled(): boolean {
    return this.local.sampled
  }

  get trace(): TraceContext {
    return this
  }

  get span(): TraceSpan {
    return this
  }

  get traceparent(): string {
    return `00-${this.local.traceId}-${this.spanId}-${byteText(this.local.flags)}`
  }

  get traceId(): string {
    return this.local.traceId
  }

  get spanId(): string {
    this.#spanId ??= spanIdText(this.id)
    return this.#spanId
  }

  get parentSpanId(): string | undefined {
    return this.parent && spanIdText(this.parent)
  }

  get tracestate(): string | undefined {
    return this.local.tracestate
  }

  child(shape: SpanShape, attributes?: SpanAttributes, startMs?: number): TraceSpan {
    const { scope, local: trace, id: parent } = this
    const child = new RecordedSpan({ sink: this.#sink, scope, trace, shape, parent, startMs })
    if (attributes !== undefined) child.set(attributes)
    return child
  }

  nowMs(): number {
    return this.local.nowMs()
  }

  run<T>(work: () => T): T {
    return this.#sink.run(this, work)
  }

  /** Of our own places, which set few: only those of the app are counted. */
  set(attributes: SpanAttributes): void {
    if (!this.isRecording()) return
    for (const key in attributes) if (attributes[key] !== undefined) this.#replaceInShape(key)
    this.attributes =
      this.attributes === undefined ? { ...attributes } : { ...this.attributes, ...attributes }
  }

  fail(type: string): void {
    this.set({ 'error.type': type })
    this.setStatus({ code: ERROR })
  }

  /** A second end, or whatever is told after the first, changes nothing. */
  end(time?: TimeInput): void {
    if (!this.isRecording()) return
    this.endMs = Math.max(this.startMs, this.#timeOf(time))
    this.#ended = true
    this.#sink.add(this)
  }

  isRecording(): boolean {
    return this.local.sampled && !this.#ended
  }

  spanContext(): SpanContext {
    const { traceId, flags: traceFlags, tracestate } = this.local
    const traceState = tracestate && this.#sink.api.createTraceState(tracestate)
    return { traceId, spanId: this.spanId, traceFlags, ...(traceState && { traceState }) }
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (value === undefined || value === null || !this.isRecording()) return this
    this.attributes ??= {}
    if (this.attributes[key] === undefined && !this.#admits(key)) return this
    this.attributes[key] = Array.isArray(value) ? ([...value] as AttributeValue) : value
    return this
  }

  #admits(key: string): boolean {
    this.#replaceInShape(key)
    if (this.#attributesLeft-- > 0) return true
    this.#drop('attributes')
    return false
  }

  #replaceInShape(key: string): void {
    if (this.shape.attributes?.[key] !== undefined) this.shape = without(this.shape, key)
  }

  #drop(what: keyof Dropped): void {
    this.dropped = { ...this.dropped, [what]: this.dropped[what] + 1 }
  }

  setAttributes(attributes: Attributes): this {
    for (const key in attributes) this.setAttribute(key, attributes[key] as AttributeValue)
    return this
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (!this.isRecording()) return this
    this.events ??= []
    const isTime = isTimeInput(attributesOrTime)
    const attributes = isTime ? undefined : limited(attributesOrTime)
    const atMs = this.#timeOf(time ?? (isTime ? attributesOrTime : undefined))
    if (this.events.length < EVENTS_MAX) this.events.push({ name, atMs, attributes })
    else this.#drop('events')
    return this
  }

  addLink({ context, attributes }: Link): this {
    if (!this.isRecording()) return this
    this.links ??= []
    const own = limited(attributes)
    if (this.links.length < LINKS_MAX) this.links.push({ context, ...(own && { attributes: own }) })
    else this.#drop('links')
    return this
  }

  addLinks(links: readonly Link[]): this {
    for (const link of links) this.addLink(link)
    return this
  }

  /** What has been called a success stays one (specification, trace/api, "Set Status"). */
  setStatus({ code, message }: SpanStatus): this {
    if (!this.isRecording() || code === UNSET.code || this.status.code === OK) return this
    this.status = code === ERROR && message !== undefined ? { code, message } : { code }
    return this
  }

  updateName(name: string): this {
    if (this.isRecording()) this.shape = { ...this.shape, name }
    return this
  }

  /** Semantic conventions, exceptions. */
  recordException(exception: Exception, time?: TimeInput): void {
    const { name, code, message, stack } =
      typeof exception === 'string'
        ? { message: exception }
        : (exception as Partial<Error & { code: unknown }>)
    this.addEvent(
      'exception',
      {
        'exception.type': code === undefined ? name : String(code),
        'exception.message': message,
        'exception.stacktrace': stack,
      },
      time,
    )
  }

  #timeOf(time: TimeInput | undefined): number {
    return time === undefined ? this.local.nowMs() : epochMs(time)
  }
}

/** Ten years: no process has run for longer, and no clock is that near to the epoch. */
const UPTIME_MS_MAX = 10 * 365 * 86_400_000

/** As milliseconds since the Unix epoch; the API also takes what `performance.now()` tells. */
export function epochMs(time: TimeInput): number {
  if (Array.isArray(time)) return time[0] * 1e3 + time[1] / 1e6
  if (time instanceof Date) return time.getTime()
  return time < UPTIME_MS_MAX ? performance.timeOrigin + time : time
}

function isTimeInput(value: Attributes | TimeInput | undefined): value is TimeInput {
  return typeof value === 'number' || value instanceof Date || Array.isArray(value)
}

function limited(attributes: Attributes | undefined): Attributes | undefined {
  if (attributes === undefined) return undefined
  return Object.fromEntries(Object.entries(attributes).slice(0, ATTRIBUTES_MAX))
}

function without({ attributes, ...shape }: SpanShape, key: string): SpanShape {
  const { [key]: _, ...kept } = attributes ?? {}
  return { ...shape, attributes: kept }
}
