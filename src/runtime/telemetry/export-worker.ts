/** The thread that sends spans by OTLP over HTTP: encoding and waiting cost the process nothing. */
import { parentPort, workerData } from 'node:worker_threads'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { type ExportedSpan, spanReader } from './exported-span.ts'
import type { ExportTarget } from './span-queue.ts'

const { url, headers, serviceName, timeoutMs } = workerData as ExportTarget
const exporter = new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: timeoutMs })

const read = spanReader(serviceName)

parentPort?.on('message', (batch: readonly ExportedSpan[]) => {
  const spans = batch.map(read)
  exporter.export(spans, ({ code }) => {
    parentPort?.postMessage({ count: spans.length, failed: code !== 0 })
  })
})
