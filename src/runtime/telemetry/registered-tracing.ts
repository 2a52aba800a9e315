/** Spans by way of `@opentelemetry/api`, for the SDK that an app has registered. */
import type { Context, Span, SpanContext, SpanKind, Tracer } from '@opentelemetry/api'
import type { Clock } from '../../base/clock.ts'
import {
  FLAG_SAMPLED,
  parseTraceparent,
  parseTracestate,
  type TraceContext,
} from '../trace-context.ts'
import { TraceTime } from './trace-time.ts'
import type { Carrier, Kind, SpanAttributes, SpanShape, TraceSpan, Tracing } from './tracing.ts'

export type OpenTelemetryApi = typeof import('@opentelemetry/api')

class RegisteredTracing implements Tracing {
  readonly #api: OpenTelemetryApi
  readonly #clock: Clock
  readonly #tracer: Tracer
  readonly #kinds: Readonly<Record<Kind, SpanKind>>

  constructor(api: OpenTelemetryApi, clock: Clock) {
    const { SERVER: server, INTERNAL: internal, CLIENT: client } = api.SpanKind
    const { PRODUCER: producer, CONSUMER: consumer } = api.SpanKind
    this.#api = api
    this.#clock = clock
    this.#tracer = api.trace.getTracer('holdfast')
    this.#kinds = { server, internal, client, producer, consumer }
  }

  open(shape: SpanShape, carrier: Carrier, attributes?: SpanAttributes): TraceSpan {
    const parent = this.#remote(carrier)
    return this.#start({ shape, attributes, parent, time: new TraceTime(this.#clock) })
  }

  #remote({ traceparent, tracestate }: Carrier): Context {
    const { ROOT_CONTEXT, trace, createTraceState } = this.#api
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent)
    if (parent === undefined) return ROOT_CONTEXT
    const { traceId, spanId, flags: traceFlags } = parent
    const state = tracestate === undefined ? undefined : parseTracestate(tracestate)
    const traceState = state === undefined ? {} : { traceState: createTraceState(state) }
    return trace.setSpanContext(ROOT_CONTEXT, {
      traceId,
      spanId,
      traceFlags,
      isRemote: true,
      ...traceState,
    })
  }

  #start({ shape, attributes, parent, time, startMs }: RegisteredStart): TraceSpan {
    const { setSpan, getSpanContext } = this.#api.trace
    const options = {
      kind: this.#kinds[shape.kind],
      attributes: { ...shape.attributes, ...attributes },
      startTime: startMs ?? time.nowMs(),
    }
    const span = this.#tracer.startSpan(shape.name, options, parent)
    const context = setSpan(parent, span)
    const child: TraceSpan['child'] = (childShape, more, childStartMs) =>
      this.#start({
        shape: childShape,
        attributes: more,
        parent: context,
        time,
        startMs: childStartMs,
      })
    const parentSpanId = getSpanContext(parent)?.spanId
    return new RegisteredSpan({ api: this.#api, span, context, time, child, parentSpanId })
  }
}

interface RegisteredStart {
  readonly shape: SpanShape
  readonly attributes: SpanAttributes | undefined
  readonly parent: Context
  readonly time: TraceTime
  readonly startMs?: number | undefined
}

interface RegisteredParts {
  readonly api: OpenTelemetryApi
  readonly span: Span
  readonly context: Context
  readonly time: TraceTime
  readonly child: TraceSpan['child']
  readonly parentSpanId: string | undefined
}

class RegisteredSpan implements TraceSpan {
  readonly trace: TraceContext
  readonly child: TraceSpan['child']
  readonly #api: OpenTelemetryApi
  readonly #span: Span
  readonly #context: Context
  readonly #time: TraceTime

  constructor({ api, span, context, time, child, parentSpanId }: RegisteredParts) {
    this.#api = api
    this.#span = span
    this.#context = context
    this.#time = time
    this.child = child
    this.trace = contextOf(span.spanContext(), parentSpanId, this)
  }

  get sampled(): boolean {
    return this.trace.sampled
  }

  nowMs(): number {
    return this.#time.nowMs()
  }

  run<T>(work: () => T): T {
    return this.#api.context.with(this.#context, work)
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes)
  }

  fail(type: string): void {
    this.#span.setAttribute('error.type', type)
    this.#span.setStatus({ code: this.#api.SpanStatusCode.ERROR })
  }

  end(): void {
    this.#span.end(this.nowMs())
  }
}

function contextOf(
  { traceId, spanId, traceFlags, traceState }: SpanContext,
  parentSpanId: string | undefined,
  span: TraceSpan,
): TraceContext {
  const flags = traceFlags.toString(16).padStart(2, '0')
  const tracestate = traceState?.serialize()
  return {
    traceparent: `00-${traceId}-${spanId}-${flags}`,
    traceId,
    spanId,
    sampled: (traceFlags & FLAG_SAMPLED) !== 0,
    span,
    ...(parentSpanId !== undefined && { parentSpanId }),
    ...(tracestate ? { tracestate } : {}),
  }
}

/** Where the API keeps what an SDK has registered (its package, internal/global-utils). */
const REGISTERED = Symbol.for('opentelemetry.js.api.1')

/** True where a tracer provider has been registered in this process. Loads nothing. */
export function isSdkRegistered(): boolean {
  const registered = (globalThis as Record<symbol, { trace?: unknown } | undefined>)[REGISTERED]
  return registered?.trace !== undefined
}

/** Spans go to the SDK that is registered; undefined, and nothing is loaded, where none is. */
export async function findTracing(clock: Clock): Promise<Tracing | undefined> {
  if (!isSdkRegistered()) return undefined
  return new RegisteredTracing(await import('@opentelemetry/api'), clock)
}
