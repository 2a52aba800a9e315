/** What a process tells of its work beside the log: numbers, the last pieces of work, spans. */
import { Metrics } from './metric.ts'
import { RecentWork } from './recent-work.ts'
import type { Tracing } from './tracing.ts'

export interface Telemetry {
  readonly metrics: Metrics
  readonly recent: RecentWork
  /** Undefined where no OpenTelemetry SDK is registered and no export is configured. */
  readonly tracing: Tracing | undefined
}

export function createTelemetry(tracing?: Tracing): Telemetry {
  return { metrics: new Metrics(), recent: new RecentWork(), tracing }
}
