/**
 * What is told of work that no caller waits for: attempts at jobs, deliveries of events. The same as
 * of a request: one log line, one observation, one entry among the recent ones, one span.
 */
import type { Clock } from '../base/clock.ts'
import { isFault } from '../base/fault.ts'
import { Remembered } from '../base/remembered.ts'
import { ProblemError } from '../operation/problem.ts'
import type { Log, LogFields } from '../runtime/log.ts'
import { DURATION_BOUNDS, type HistogramFamily } from '../runtime/telemetry/metric.ts'
import type { WorkKind } from '../runtime/telemetry/recent-work.ts'
import type { Telemetry } from '../runtime/telemetry/telemetry.ts'
import type { SpanAttributes, SpanShape } from '../runtime/telemetry/tracing.ts'
import { rounded, WorkMeter } from '../runtime/telemetry/work-meter.ts'
import { type TraceContext, traceContext } from '../runtime/trace-context.ts'

/** What a loop knows of a piece of work before it runs. */
export interface WorkStart {
  readonly kind: Extract<WorkKind, 'job' | 'event'>
  /** The job, or the subscription. */
  readonly name: string
  readonly requestId: string
  readonly traceparent: string | null
  /** For the log line; also those of the semantic conventions for the span. */
  readonly fields: LogFields
  readonly attributes: SpanAttributes
}

/** What the work carries on. */
export interface WorkThread {
  readonly trace: TraceContext
  readonly meter: WorkMeter
}

export interface WorkRecorderOptions {
  readonly telemetry: Telemetry
  readonly log: Log
  readonly clock: Clock
}

/** Jobs and subscriptions of one app. */
const NAMES_MAX = 1_000

export class WorkRecorder {
  readonly #options: WorkRecorderOptions
  readonly #durations: Readonly<Record<WorkStart['kind'], HistogramFamily>>
  readonly #shapes = new Remembered(NAMES_MAX, (name): SpanShape => ({ name, kind: 'consumer' }))

  constructor(options: WorkRecorderOptions) {
    const { metrics } = options.telemetry
    this.#options = options
    this.#durations = {
      job: metrics.histogram({
        name: 'holdfast_job_attempt_duration_seconds',
        help: 'Duration of attempts at jobs.',
        labels: ['job', 'error_type'],
        bounds: DURATION_BOUNDS,
      }),
      event: metrics.histogram({
        name: 'holdfast_event_delivery_duration_seconds',
        help: 'Duration of deliveries of events to subscriptions.',
        labels: ['subscription', 'error_type'],
        bounds: DURATION_BOUNDS,
      }),
    }
  }

  /** Runs `work` and tells of it, whether it fails or not. */
  async record(start: WorkStart, work: (thread: WorkThread) => Promise<void>): Promise<void> {
    const startedAtMs = this.#options.clock.monotonicMs()
    const thread = { trace: this.#traceOf(start), meter: new WorkMeter() }
    const { span } = thread.trace
    try {
      await (span === undefined ? work(thread) : span.run(() => work(thread)))
      this.#end(start, thread, startedAtMs, undefined)
    } catch (error) {
      this.#end(start, thread, startedAtMs, errorType(error))
      throw error
    }
  }

  #traceOf({ kind, name, traceparent, attributes }: WorkStart): TraceContext {
    const carrier = { traceparent: traceparent ?? undefined }
    const { tracing } = this.#options.telemetry
    const span = tracing?.open(this.#shapes.of(`${kind} ${name}`), carrier, attributes)
    return span?.trace ?? traceContext(carrier.traceparent)
  }

  #end(
    { kind, name, requestId, fields }: WorkStart,
    { trace, meter }: WorkThread,
    startedAtMs: number,
    error: string | undefined,
  ): void {
    const { clock, log, telemetry } = this.#options
    const durationMs = clock.monotonicMs() - startedAtMs
    this.#durations[kind].with(name, error ?? '').observe(durationMs / 1000)
    const told = {
      ...fields,
      outcome: error ?? 'ok',
      durationMs: rounded(durationMs),
      ...meter.fields(),
      requestId,
      traceId: trace.traceId,
    }
    if (error === undefined) log.info(told, kind)
    else log.warn(told, kind)
    telemetry.recent.add(kind, clock.now(), requestId, told)
    if (error !== undefined) trace.span?.fail(error)
    trace.span?.end()
  }
}

/** Of few values: the code of a problem or a fault, the state of Postgres, or the kind of error. */
function errorType(error: unknown): string {
  if (error instanceof ProblemError || isFault(error)) return error.code
  if (!(error instanceof Error)) return 'unknown'
  const { state } = error as { state?: unknown }
  return typeof state === 'string' ? state : error.name
}
