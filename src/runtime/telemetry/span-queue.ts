/**
 * Spans on their way out of the process, by a thread of their own.
 *
 * Terms. A *buffer* is one request to the collector: filled as spans end, given to the thread (not
 * copied), and given back when the collector has answered. There is a bounded number of them: an
 * exporter that hangs costs spans, which are counted, and nothing else.
 */
import { Worker } from 'node:worker_threads'
import { type Clock, pause } from '../../base/clock.ts'
import type { Log } from '../log.ts'
import type { RecordedSpan } from './recorded-span.ts'
import {
  BUFFERS_MAX,
  type ExportTarget,
  type FilledBuffer,
  type SentBuffer,
} from './span-buffer.ts'
import { SpanWriter } from './span-writer.ts'

export interface SpanQueueOptions {
  readonly target: ExportTarget
  readonly serviceName: string
  readonly clock: Clock
  readonly log: Log
  readonly buffersMax?: number
  readonly bufferBytes?: number
}

export interface SpanCounts {
  exported: number
  /** The collector did not take them, or did not answer in time. */
  failed: number
  /** Every buffer was full, or the span is larger than one. */
  dropped: number
}

/** Some thousand spans; collectors commonly take requests of up to 4 MiB. */
const BUFFER_BYTES = 512 * 1024
/** How late a span may be seen. */
const BATCH_MS = 1_000
/** At the end of the process: the last spans are worth a moment, and no more. */
const FLUSH_MS = 1_000
const FLUSH_LOOK_MS = 10

const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './export-worker.ts' : './export-worker.js',
  import.meta.url,
)

export class SpanQueue {
  readonly counts: SpanCounts = { exported: 0, failed: 0, dropped: 0 }
  readonly #options: SpanQueueOptions
  readonly #worker: Worker
  readonly #free: ArrayBuffer[] = []
  /** That may still be made. */
  #buffersLeft: number
  #filling: { readonly buffer: ArrayBuffer; readonly writer: SpanWriter } | undefined
  #underWay = 0
  #cancelSend: (() => void) | undefined
  #dead = false

  constructor(options: SpanQueueOptions) {
    this.#options = options
    this.#buffersLeft = options.buffersMax ?? BUFFERS_MAX
    this.#worker = new Worker(workerFile, {
      workerData: options.target,
      stdout: true,
      stderr: true,
    })
    this.#worker.on('message', (answer) => this.#answered(answer))
    this.#worker.on('error', (error) => this.#died(error))
    // Behind the listeners: one for messages keeps the process alive again.
    this.#worker.unref()
  }

  add(span: RecordedSpan): void {
    if (this.#write(span)) return
    // What does not fit behind others may fit into a buffer of its own.
    this.#send()
    if (!this.#write(span)) this.counts.dropped++
  }

  #write(span: RecordedSpan): boolean {
    this.#filling ??= this.#begin()
    if (!this.#filling?.writer.add(span)) return false
    this.#cancelSend ??= this.#options.clock.after(BATCH_MS, () => this.#send())
    return true
  }

  #begin() {
    const buffer = this.#dead ? undefined : (this.#free.pop() ?? this.#made())
    return (
      buffer && { buffer, writer: new SpanWriter(Buffer.from(buffer), this.#options.serviceName) }
    )
  }

  #made(): ArrayBuffer | undefined {
    if (this.#buffersLeft === 0) return undefined
    this.#buffersLeft--
    return new ArrayBuffer(this.#options.bufferBytes ?? BUFFER_BYTES)
  }

  #send(): void {
    this.#cancelSend?.()
    this.#cancelSend = undefined
    if (this.#filling === undefined || this.#filling.writer.count === 0) return
    const { buffer, writer } = this.#filling
    this.#filling = undefined
    const filled: FilledBuffer = { buffer, length: writer.end(), count: writer.count }
    this.#underWay += filled.count
    this.#worker.postMessage(filled, [buffer])
  }

  #answered({ buffer, count, failed }: SentBuffer): void {
    this.#free.push(buffer)
    this.#underWay -= count
    this.counts[failed ? 'failed' : 'exported'] += count
  }

  #died(error: unknown): void {
    this.#close()
    this.#options.log.error({ error }, 'The export of traces has ended; spans are dropped.')
  }

  /** What nobody has answered for is lost. */
  #close(): void {
    this.#dead = true
    this.counts.failed += this.#underWay + (this.#filling?.writer.count ?? 0)
    this.#underWay = 0
    this.#filling = undefined
    this.#cancelSend?.()
  }

  /** Waits for what is under way, for a moment. */
  async flush(): Promise<void> {
    const { clock } = this.#options
    const endMs = clock.monotonicMs() + FLUSH_MS
    this.#send()
    while (this.#underWay > 0 && clock.monotonicMs() < endMs) await pause(clock, FLUSH_LOOK_MS)
  }

  /** What ends later is dropped. */
  async stop(): Promise<void> {
    await this.flush()
    this.#close()
    await this.#worker.terminate()
  }
}
