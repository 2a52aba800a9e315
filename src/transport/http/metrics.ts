/**
 * Requests by operation, status and problem: rate, errors and duration in one histogram, named as the
 * semantic conventions of OpenTelemetry name it. Every label is bounded by the registry: routes are
 * those of operations, never the path that was asked for.
 */
import type { RegisteredOperation } from '../../operation/registered.ts'
import {
  type Counter,
  type CounterFamily,
  DURATION_BOUNDS,
  type Histogram,
  type HistogramFamily,
  type Metrics,
} from '../../runtime/telemetry/metric.ts'

export class OperationMetrics {
  readonly #durations: HistogramFamily
  readonly #labels: readonly [name: string, method: string, route: string, scheme: string]
  /** By status, or by problem where it is one. */
  readonly #series = new Map<number | string, Histogram>()
  readonly #abandoned: Counter

  constructor(
    durations: HistogramFamily,
    abandoned: CounterFamily,
    { name, http }: RegisteredOperation,
    scheme: string,
  ) {
    this.#durations = durations
    this.#labels = [name, http?.method ?? '', http?.path ?? '', scheme]
    this.#abandoned = abandoned.with(name)
  }

  replied(status: number, problem: string | undefined, durationMs: number): void {
    const series = this.#series.get(problem ?? status) ?? this.#resolve(status, problem)
    series.observe(durationMs / 1000)
  }

  #resolve(status: number, problem: string | undefined): Histogram {
    const series = this.#durations.with(...this.#labels, String(status), problem ?? '')
    this.#series.set(problem ?? status, series)
    return series
  }

  /** The caller had gone away. */
  abandoned(): void {
    this.#abandoned.add()
  }
}

export class HttpMetrics {
  readonly #durations: HistogramFamily
  readonly #abandoned: CounterFamily
  readonly #refused: CounterFamily
  readonly #scheme: string

  constructor(metrics: Metrics, scheme: 'http' | 'https') {
    this.#scheme = scheme
    this.#durations = metrics.histogram({
      name: 'http_server_request_duration_seconds',
      help: 'Duration of requests to operations; error_type is the code of the problem, if it was one.',
      labels: [
        'operation',
        'http_request_method',
        'http_route',
        'url_scheme',
        'http_response_status_code',
        'error_type',
      ],
      bounds: DURATION_BOUNDS,
    })
    this.#abandoned = metrics.counter({
      name: 'holdfast_http_abandoned_requests_total',
      help: 'Requests whose caller was gone before there was an answer.',
      labels: ['operation'],
    })
    this.#refused = metrics.counter({
      name: 'holdfast_http_unrouted_requests_total',
      help: 'Requests that no operation has seen, by the problem they were answered with.',
      labels: ['error_type'],
    })
  }

  operation(operation: RegisteredOperation): OperationMetrics {
    return new OperationMetrics(this.#durations, this.#abandoned, operation, this.#scheme)
  }

  /** Answered by the host: no such route, a method that is not allowed, malformed. */
  unrouted(problem: string): void {
    this.#refused.with(problem).add()
  }
}

/** Numbers that a server keeps anyway: a counter where the name ends in `_total`, else a gauge. */
export function readNumbers(
  metrics: Metrics,
  numbers: Readonly<Record<string, readonly [help: string, read: () => number]>>,
): void {
  for (const [name, [help, read]] of Object.entries(numbers)) {
    metrics.read(name.endsWith('_total') ? 'counter' : 'gauge', { name, help }, read)
  }
}
