/** Counters in memory, one set for each operation: their number is bounded by the registry. */

export interface OperationMetrics {
  replied(status: number, durationMs: number): void
  /** The caller had gone away. */
  abandoned(): void
}

class Counters implements OperationMetrics {
  readonly byStatus = new Map<number, number>()
  durationMsSum = 0
  count = 0
  abandonedCount = 0

  replied(status: number, durationMs: number): void {
    this.byStatus.set(status, (this.byStatus.get(status) ?? 0) + 1)
    this.durationMsSum += durationMs
    this.count++
  }

  abandoned(): void {
    this.abandonedCount++
  }
}

/** Prometheus text exposition format 0.0.4. */
export class HttpMetrics {
  readonly #operations = new Map<string, Counters>()

  operation(name: string): OperationMetrics {
    const counters = this.#operations.get(name) ?? new Counters()
    this.#operations.set(name, counters)
    return counters
  }

  lines(): string[] {
    const requests = ['# TYPE holdfast_http_requests_total counter']
    const seconds = ['# TYPE holdfast_http_request_duration_seconds summary']
    const abandoned = ['# TYPE holdfast_http_requests_abandoned_total counter']
    for (const [name, counters] of this.#operations) {
      const operation = `operation="${name}"`
      for (const [status, count] of counters.byStatus)
        requests.push(`holdfast_http_requests_total{${operation},status="${status}"} ${count}`)
      const sum = counters.durationMsSum / 1000
      seconds.push(
        `holdfast_http_request_duration_seconds_sum{${operation}} ${sum}`,
        `holdfast_http_request_duration_seconds_count{${operation}} ${counters.count}`,
      )
      abandoned.push(
        `holdfast_http_requests_abandoned_total{${operation}} ${counters.abandonedCount}`,
      )
    }
    return [...requests, ...seconds, ...abandoned]
  }
}

/** Numbers by name: a counter where the name ends in `Total`, else a gauge. */
export type Numbers = Readonly<Record<string, number>>

/** `{ inFlight: 3 }` with the prefix `holdfast_http` as `holdfast_http_in_flight 3`. */
export function numberLines(prefix: string, numbers: Numbers): string[] {
  return Object.entries(numbers).flatMap(([name, value]) => {
    const full = `${prefix}_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`
    return [`# TYPE ${full} ${name.endsWith('Total') ? 'counter' : 'gauge'}`, `${full} ${value}`]
  })
}
