/** What every process tells of itself: event loop, garbage collection, memory, CPU. */
import {
  constants,
  type EventLoopUtilization,
  monitorEventLoopDelay,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks'
import type { Clock } from '../../base/clock.ts'
import type { HistogramFamily, Metrics } from './metric.ts'

/** Two scrapers at once, or a person with curl, must not empty each other's window. */
const WINDOW_MS = 5_000
const DELAY_RESOLUTION_MS = 10
/** Semantic conventions of V8: v8js.gc.duration. */
const GC_BOUNDS = [0.01, 0.1, 1, 10] as const

const GC_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
}

/** Begins to observe; returns the way to stop. */
export function observeProcess(metrics: Metrics, clock: Clock): () => void {
  const stopLoop = observeEventLoop(metrics, clock)
  const stopGc = observeGc(metrics)
  observeMemory(metrics)
  return () => {
    stopLoop()
    stopGc()
  }
}

interface Window {
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly utilization: number
}

function observeEventLoop(metrics: Metrics, clock: Clock): () => void {
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  delay.enable()
  let since: EventLoopUtilization = performance.eventLoopUtilization()
  let readAtMs = Number.NEGATIVE_INFINITY
  let window: Window = { p50: 0, p99: 0, max: 0, utilization: 0 }
  const read = (): Window => {
    const nowMs = clock.monotonicMs()
    if (nowMs - readAtMs < WINDOW_MS) return window
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, since)
    window = {
      p50: delaySeconds(delay.percentile(50)),
      p99: delaySeconds(delay.percentile(99)),
      max: delaySeconds(delay.max),
      utilization,
    }
    delay.reset()
    since = now
    readAtMs = nowMs
    return window
  }
  for (const part of ['p50', 'p99', 'max'] as const) {
    const name = `nodejs_eventloop_delay_${part}_seconds`
    const help = 'How late the event loop is, over some seconds.'
    metrics.read('gauge', { name, help }, () => read()[part])
  }
  metrics.read(
    'gauge',
    { name: 'nodejs_eventloop_utilization_ratio', help: 'Part of the time that the loop worked.' },
    () => read().utilization,
  )
  return () => delay.disable()
}

/** The monitor measures its own timer: what is above the resolution is the delay. */
function delaySeconds(nanoseconds: number): number {
  if (!Number.isFinite(nanoseconds)) return 0
  return Math.max(0, Math.round(nanoseconds / 1e3 - DELAY_RESOLUTION_MS * 1e3)) / 1e6
}

function observeGc(metrics: Metrics): () => void {
  const gc = metrics.histogram({
    name: 'v8js_gc_duration_seconds',
    help: 'Pauses for garbage collection.',
    labels: ['v8js_gc_type'],
    bounds: GC_BOUNDS,
  })
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) countGc(gc, entry)
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => observer.disconnect()
}

function countGc(gc: HistogramFamily, entry: { readonly duration: number }): void {
  const { kind } = (entry as unknown as { detail?: { kind?: number } }).detail ?? {}
  gc.with(GC_KINDS[kind ?? -1] ?? 'other').observe(entry.duration / 1000)
}

function observeMemory(metrics: Metrics): void {
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.read('gauge', { name, help }, read)
  gauge('process_resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss())
  gauge('v8js_memory_heap_used_bytes', 'Heap in use.', () => process.memoryUsage().heapUsed)
  gauge('process_uptime_seconds', 'Since the process was started.', () => process.uptime())
  metrics.read(
    'counter',
    { name: 'process_cpu_seconds_total', help: 'CPU time, user and system.' },
    () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    },
  )
}
