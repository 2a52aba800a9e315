/**
 * Spans on their way out of the process, by a thread of their own.
 *
 * Terms. *Waiting*: ended, not yet handed to the thread. *Under way*: handed to it, not yet answered
 * for. Both together are bounded: an exporter that hangs costs spans, which are counted, and nothing
 * else.
 */
import { Worker } from 'node:worker_threads'
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace'
import { type Clock, pause } from '../../base/clock.ts'
import type { Log } from '../log.ts'
import { otlpSpan } from './otlp-span.ts'

export interface ExportTarget {
  /** `http://collector:4318/v1/traces` */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  /** For one request to the collector. */
  readonly timeoutMs: number
}

/** What the thread is handed: for each instrumentation scope its spans as OTLP/JSON, with commas. */
export interface SpanBatch {
  readonly count: number
  readonly scopes: readonly (readonly [scope: string, spans: string])[]
}

export interface SpanQueueOptions {
  readonly target: ExportTarget
  readonly clock: Clock
  readonly log: Log
  readonly spansMax?: number
}

export interface SpanCounts {
  exported: number
  /** The collector did not take them, or did not answer in time. */
  failed: number
  /** The queue was full. */
  dropped: number
}

/** Some megabytes: seconds of a busy process, longer than a collector takes to be restarted. */
const SPANS_MAX = 8_192
/** What OTLP exporters commonly send at once. */
const BATCH_MAX = 512
/** How late a span may be seen. */
const BATCH_MS = 1_000
/** At the end of the process: the last spans are worth a moment, and no more. */
const FLUSH_MS = 1_000
const FLUSH_LOOK_MS = 10

const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './export-worker.ts' : './export-worker.js',
  import.meta.url,
)

export class SpanQueue implements SpanProcessor {
  readonly counts: SpanCounts = { exported: 0, failed: 0, dropped: 0 }
  readonly #options: SpanQueueOptions
  readonly #spansMax: number
  readonly #worker: Worker
  #waiting = 0
  /** By scope. */
  readonly #texts = new Map<string, string>()
  #underWay = 0
  #cancelSend: (() => void) | undefined
  #dead = false

  constructor(options: SpanQueueOptions) {
    this.#options = options
    this.#spansMax = options.spansMax ?? SPANS_MAX
    this.#worker = new Worker(workerFile, {
      workerData: options.target,
      stdout: true,
      stderr: true,
    })
    this.#worker.unref()
    this.#worker.on('message', (answer) => this.#answered(answer))
    this.#worker.on('error', (error) => this.#died(error))
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#dead || this.#waiting + this.#underWay >= this.#spansMax) {
      this.counts.dropped++
      return
    }
    const { name } = span.instrumentationScope
    const before = this.#texts.get(name)
    const text = otlpSpan(span)
    this.#texts.set(name, before === undefined ? text : `${before},${text}`)
    this.#waiting++
    if (this.#waiting >= BATCH_MAX) this.#send()
    else this.#cancelSend ??= this.#options.clock.after(BATCH_MS, () => this.#send())
  }

  #send(): void {
    this.#cancelSend?.()
    this.#cancelSend = undefined
    const batch: SpanBatch = { count: this.#waiting, scopes: [...this.#texts] }
    this.#waiting = 0
    this.#texts.clear()
    if (batch.count === 0 || this.#dead) return
    this.#underWay += batch.count
    this.#worker.postMessage(batch)
  }

  #answered({ count, failed }: { readonly count: number; readonly failed: boolean }): void {
    this.#underWay -= count
    this.counts[failed ? 'failed' : 'exported'] += count
  }

  #died(error: unknown): void {
    this.#dead = true
    this.counts.failed += this.#underWay
    this.#underWay = 0
    this.#options.log.error({ error }, 'The export of traces has ended; spans are dropped.')
  }

  /** Waits for what is under way, for a moment. */
  async forceFlush(): Promise<void> {
    const { clock } = this.#options
    const endMs = clock.monotonicMs() + FLUSH_MS
    this.#send()
    while (this.#underWay > 0 && clock.monotonicMs() < endMs) await pause(clock, FLUSH_LOOK_MS)
  }

  async shutdown(): Promise<void> {
    await this.forceFlush()
    this.#dead = true
    await this.#worker.terminate()
  }
}
