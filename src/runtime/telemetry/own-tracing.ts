/**
 * Traces that Holdfast records and exports itself, where the app has registered no SDK: our own places
 * open their spans here, and what the app opens by way of `@opentelemetry/api` becomes part of them.
 */
import type {
  Context,
  Span,
  SpanContext,
  SpanOptions,
  Tracer,
  TracerProvider,
} from '@opentelemetry/api'
import type { Clock } from '../../base/clock.ts'
import { FLAG_RANDOM, FLAG_SAMPLED, parseTraceparent, parseTracestate } from '../trace-context.ts'
import {
  LocalTrace,
  newTraceWords,
  randomPart,
  remoteSpanId,
  type SpanId,
  traceIdText,
  traceWords,
} from './local-trace.ts'
import { epochMs, RecordedSpan, type RunInSpan, type SpanSink } from './recorded-span.ts'
import type { OpenTelemetryApi } from './registered-tracing.ts'
import type { Carrier, Kind, SpanAttributes, SpanShape, TraceSpan, Tracing } from './tracing.ts'

export interface OwnTracingOptions {
  readonly api: OpenTelemetryApi
  readonly clock: Clock
  /** Of the traces that begin here; those of a caller are recorded where the caller does. */
  readonly sampledRatio: number
  readonly run: RunInSpan
  add(span: RecordedSpan): void
}

const SCOPE = 'holdfast'

interface Origin {
  readonly trace: LocalTrace
  readonly parent?: SpanId
}

export class OwnTracing implements Tracing, TracerProvider {
  readonly #options: OwnTracingOptions
  readonly #sink: SpanSink

  constructor(options: OwnTracingOptions) {
    this.#options = options
    const { api, run } = options
    this.#sink = { api, run, add: (span) => options.add(span) }
  }

  open(shape: SpanShape, carrier: Carrier, attributes?: SpanAttributes): TraceSpan {
    const span = this.start(SCOPE, shape, this.#carried(carrier))
    if (attributes !== undefined) span.set(attributes)
    return span
  }

  start(scope: string, shape: SpanShape, origin: Origin, startMs?: number): RecordedSpan {
    const { trace, parent } = origin
    return new RecordedSpan({ sink: this.#sink, scope, shape, trace, parent, startMs })
  }

  #carried({ traceparent, tracestate }: Carrier): Origin {
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent)
    if (parent === undefined) return this.#begun()
    const { traceId, spanId, flags } = parent
    const state = tracestate === undefined ? undefined : parseTracestate(tracestate)
    return this.#continued(traceId, spanId, flags, state)
  }

  #continued(traceId: string, spanId: string, flags: number, state: string | undefined): Origin {
    const { clock } = this.#options
    const trace = new LocalTrace({
      words: traceWords(traceId),
      traceId,
      flags,
      tracestate: state,
      clock,
    })
    return { trace, parent: remoteSpanId(spanId) }
  }

  /** Trace Context level 2, 3.2.2.5.2: the right-most 56 bits are random, so they decide. */
  #begun(): Origin {
    const { clock, sampledRatio } = this.#options
    const words = newTraceWords()
    const flags = FLAG_RANDOM | (randomPart(words) < sampledRatio ? FLAG_SAMPLED : 0)
    return { trace: new LocalTrace({ words, traceId: traceIdText(words), flags, clock }) }
  }

  /** For spans of the app: what is above them may be ours, another's, or nothing. */
  originIn(context: Context): Origin {
    const { trace } = this.#options.api
    const above = trace.getSpan(context)
    if (above instanceof RecordedSpan) return { trace: above.local, parent: above.id }
    const seen: SpanContext | undefined = above?.spanContext()
    if (seen === undefined || !trace.isSpanContextValid(seen)) return this.#begun()
    const { traceId, spanId, traceFlags, traceState } = seen
    return this.#continued(traceId, spanId, traceFlags, traceState?.serialize())
  }

  getTracer(name: string): Tracer {
    return new OwnTracer(this, this.#options.api, name)
  }
}

/** SpanKind of the API, in its order. */
const KINDS: readonly Kind[] = ['internal', 'server', 'client', 'producer', 'consumer']

class OwnTracer implements Tracer {
  readonly #tracing: OwnTracing
  readonly #api: OpenTelemetryApi
  readonly #scope: string

  constructor(tracing: OwnTracing, api: OpenTelemetryApi, scope: string) {
    this.#tracing = tracing
    this.#api = api
    this.#scope = scope
  }

  startSpan(name: string, options: SpanOptions = {}, context = this.#api.context.active()): Span {
    const { kind = 0, attributes, links, startTime, root } = options
    const origin = this.#tracing.originIn(root ? this.#api.ROOT_CONTEXT : context)
    const shape = { name, kind: KINDS[kind] as Kind }
    const startMs = startTime === undefined ? undefined : epochMs(startTime)
    const span = this.#tracing.start(this.#scope, shape, origin, startMs)
    return span.setAttributes(attributes ?? {}).addLinks(links ?? [])
  }

  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    ...rest: readonly [F] | readonly [SpanOptions, F] | readonly [SpanOptions, Context, F]
  ): ReturnType<F> {
    const { context, trace } = this.#api
    const work = rest.at(-1) as (span: Span) => ReturnType<F>
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : {}
    const parent = rest.length > 2 ? (rest[1] as Context) : context.active()
    const span = this.startSpan(name, options, parent)
    return context.with(trace.setSpan(parent, span), () => work(span))
  }
}
