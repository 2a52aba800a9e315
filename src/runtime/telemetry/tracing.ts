/**
 * Spans by way of `@opentelemetry/api`, opened where work begins: nothing is patched.
 *
 * Terms. A *span* is open from its start to its `end`. Whoever carries a `TraceContext` carries the
 * span too, where there is one, so that what comes below it needs no lookup. Without an SDK there is
 * no `Tracing`, and every place that would open a span meets one undefined field.
 */
import type { Attributes, Context, Span, SpanContext, SpanKind, Tracer } from '@opentelemetry/api'
import { parseTraceparent, parseTracestate, type TraceContext } from '../trace-context.ts'

type Api = typeof import('@opentelemetry/api')

export type SpanAttributes = Attributes
export type Kind = 'server' | 'internal' | 'client' | 'producer' | 'consumer'

/** An open span, as far as the rooms below need it. */
export interface TraceSpan {
  /** What travels on: with events and jobs, to callers, in calls to the outside. */
  readonly trace: TraceContext
  child(name: string, kind: Kind, attributes?: SpanAttributes): TraceSpan
  /** Spans that `work` opens by way of the API become children of this one. */
  run<T>(work: () => T): T
  set(attributes: SpanAttributes): void
  /** `type`: low cardinality, such as the code of a problem. Messages may hold values: none here. */
  fail(type: string): void
  end(): void
}

/** What a trace is continued from, as it came in or as it was stored. */
export interface Carrier {
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
}

export class Tracing {
  readonly #api: Api
  readonly #tracer: Tracer
  readonly #kinds: Readonly<Record<Kind, SpanKind>>

  constructor(api: Api) {
    const { SERVER: server, INTERNAL: internal, CLIENT: client } = api.SpanKind
    const { PRODUCER: producer, CONSUMER: consumer } = api.SpanKind
    this.#api = api
    this.#tracer = api.trace.getTracer('holdfast')
    this.#kinds = { server, internal, client, producer, consumer }
  }

  /** A span whose parent is elsewhere: a caller, or whoever stored the event or job. */
  open(name: string, kind: Kind, carrier: Carrier, attributes?: SpanAttributes): TraceSpan {
    return this.#start(name, kind, this.#remote(carrier), attributes)
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

  #start(name: string, kind: Kind, parent: Context, attributes?: SpanAttributes): TraceSpan {
    const options = { kind: this.#kinds[kind], ...(attributes && { attributes }) }
    const span = this.#tracer.startSpan(name, options, parent)
    const context = this.#api.trace.setSpan(parent, span)
    const parentSpanId = this.#api.trace.getSpanContext(parent)?.spanId
    return new OpenSpan(this.#api, span, context, parentSpanId, (childName, childKind, more) =>
      this.#start(childName, childKind, context, more),
    )
  }
}

type StartChild = (name: string, kind: Kind, attributes?: SpanAttributes) => TraceSpan

class OpenSpan implements TraceSpan {
  readonly trace: TraceContext
  readonly child: StartChild
  readonly #api: Api
  readonly #span: Span
  readonly #context: Context

  constructor(
    api: Api,
    span: Span,
    context: Context,
    parentSpanId: string | undefined,
    child: StartChild,
  ) {
    this.#api = api
    this.#span = span
    this.#context = context
    this.child = child
    this.trace = contextOf(span.spanContext(), parentSpanId, this)
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
    this.#span.end()
  }
}

const FLAG_SAMPLED = 0x01

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
export async function findTracing(): Promise<Tracing | undefined> {
  return isSdkRegistered() ? new Tracing(await import('@opentelemetry/api')) : undefined
}
