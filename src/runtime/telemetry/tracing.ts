/**
 * Spans, opened where work begins: nothing is patched.
 *
 * Terms. A *span* is open from its start to its `end`. A *shape* is what all spans of one place in the
 * code have in common. Whoever carries a `TraceContext` carries the span too, where there is one, so
 * that what comes below it needs no lookup. Where nobody collects spans there is no `Tracing`, and
 * every place that would open one meets an undefined field.
 */
import type { Attributes } from '@opentelemetry/api'
import type { TraceContext } from '../trace-context.ts'

export type SpanAttributes = Attributes
export type Kind = 'internal' | 'server' | 'client' | 'producer' | 'consumer'

/** Made once and kept by whoever opens the spans: it is written once, and copied from then on. */
export interface SpanShape {
  /** Of few values (semantic conventions): `POST /v1/orders`. */
  readonly name: string
  readonly kind: Kind
  readonly attributes?: SpanAttributes
}

/** An open span, as far as the rooms below need it. */
export interface TraceSpan {
  /** False where nobody will read it: the decision was the caller's, or the sampler's. */
  readonly sampled: boolean
  /** What travels on: with events and jobs, to callers, in calls to the outside. */
  readonly trace: TraceContext
  /** `startMs`: where it began before it was opened, as told by `nowMs`. */
  child(shape: SpanShape, attributes?: SpanAttributes, startMs?: number): TraceSpan
  /** The time of this trace: milliseconds since the Unix epoch, with their fractions. */
  nowMs(): number
  /** Spans that `work` opens by way of `@opentelemetry/api` become children of this one. */
  run<T>(work: () => T): T
  set(attributes: SpanAttributes): void
  /** `type`: of few values, such as the code of a problem. Messages may hold values: none here. */
  fail(type: string): void
  end(): void
}

/** What a trace is continued from, as it came in or as it was stored. */
export interface Carrier {
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
}

export interface Tracing {
  /** A span whose parent is elsewhere: a caller, or whoever stored the event or job. */
  open(shape: SpanShape, carrier: Carrier, attributes?: SpanAttributes): TraceSpan
}
