/**
 * What is told of a request to an operation when it is over: one log line with everything about it,
 * one observation, one entry among the recent ones, one span. Never an input, a header or a reply.
 */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../base/clock.ts'
import type { Principal } from '../../base/principal.ts'
import type { RegisteredOperation } from '../../operation/registered.ts'
import type { Log, LogFields } from '../../runtime/log.ts'
import type { Telemetry } from '../../runtime/telemetry/telemetry.ts'
import type { SpanShape, TraceSpan } from '../../runtime/telemetry/tracing.ts'
import { rounded, WorkMeter } from '../../runtime/telemetry/work-meter.ts'
import { type TraceContext, traceContext } from '../../runtime/trace-context.ts'
import type { OperationMetrics } from '../http/metrics.ts'

/** A request under way, as far as it is told of. */
export interface RequestRecord {
  readonly requestId: string
  readonly trace: TraceContext
  readonly startedAtMs: number
  readonly meter: WorkMeter
  principal: Principal | undefined
  bytesIn: number
}

/** How it ended; no status where the caller was gone. */
export interface RequestEnding {
  readonly status?: number
  readonly problem?: string | undefined
  readonly replayed?: boolean
  readonly bytesOut?: number
}

export interface RecorderOptions {
  readonly operation: RegisteredOperation
  readonly metrics: OperationMetrics
  readonly telemetry: Telemetry
  readonly log: Log
  readonly clock: Clock
}

export class RequestRecorder {
  readonly #options: RecorderOptions
  readonly #method: string
  readonly #route: string
  readonly #shape: SpanShape

  constructor(options: RecorderOptions) {
    const { http } = options.operation
    this.#options = options
    this.#method = http?.method ?? ''
    this.#route = http?.path ?? ''
    this.#shape = {
      name: `${this.#method} ${this.#route}`,
      kind: 'server',
      attributes: {
        'http.request.method': this.#method,
        'http.route': this.#route,
        'holdfast.operation': options.operation.name,
      },
    }
  }

  begin(request: IncomingMessage, requestId: string): RequestRecord {
    const { headers } = request
    const traceparent = textOf(headers.traceparent)
    const tracestate = textOf(headers.tracestate)
    return {
      requestId,
      trace:
        this.#span({ traceparent, tracestate }, requestId)?.trace ??
        traceContext(traceparent, tracestate),
      startedAtMs: this.#options.clock.monotonicMs(),
      meter: new WorkMeter(),
      principal: undefined,
      bytesIn: 0,
    }
  }

  #span(
    carrier: { traceparent: string | undefined; tracestate: string | undefined },
    requestId: string,
  ): TraceSpan | undefined {
    const { tracing } = this.#options.telemetry
    return tracing?.open(this.#shape, carrier, { 'holdfast.request_id': requestId })
  }

  end(record: RequestRecord, ending: RequestEnding): void {
    const { clock, metrics, log, telemetry } = this.#options
    const nowMs = clock.monotonicMs()
    record.meter.enter(undefined, nowMs)
    const durationMs = nowMs - record.startedAtMs
    const { status, problem } = ending
    if (status === undefined) metrics.abandoned()
    else metrics.replied(status, problem, durationMs)
    const fields = this.#fields(record, ending, durationMs)
    if (status !== undefined && status >= 500) log.warn(fields, 'request')
    else log.info(fields, 'request')
    telemetry.recent.add('request', clock.now(), record.requestId, fields)
    this.#endSpan(record, ending)
  }

  #fields(record: RequestRecord, ending: RequestEnding, durationMs: number): LogFields {
    const { status, problem, replayed, bytesOut } = ending
    return {
      operation: this.#options.operation.name,
      method: this.#method,
      route: this.#route,
      ...(status === undefined ? { abandoned: true } : { status }),
      ...(problem !== undefined && { problem }),
      durationMs: rounded(durationMs),
      ...record.meter.fields(),
      replayed: replayed ?? false,
      tenant: record.principal?.tenant ?? '',
      principal: record.principal?.id ?? '',
      requestId: record.requestId,
      traceId: record.trace.traceId,
      bytesIn: record.bytesIn,
      bytesOut: bytesOut ?? 0,
    }
  }

  #endSpan(
    { trace, principal }: RequestRecord,
    { status, problem, replayed }: RequestEnding,
  ): void {
    const { span } = trace
    if (span === undefined) return
    span.set({
      'http.response.status_code': status,
      'holdfast.tenant': principal?.tenant,
      'holdfast.replayed': replayed ? true : undefined,
    })
    // Semantic conventions: for a server, 4xx is no error of its own.
    if (status === undefined || status >= 500) span.fail(problem ?? String(status ?? 'abandoned'))
    else if (problem !== undefined) span.set({ 'error.type': problem })
    span.end()
  }
}

export function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}
