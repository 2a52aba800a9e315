/**
 * The thread that sends spans by OTLP over HTTP: waiting for a collector costs the process nothing. What
 * says "again" is asked again (OTLP 1.7, "Retryable Response Codes"), as long as there is time for it.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { backoffMs } from '../../base/backoff.ts'
import { pause, systemClock } from '../../base/clock.ts'
import type { ExportTarget, SpanBatch } from './span-queue.ts'

const { url, headers, serviceName, timeoutMs } = workerData as ExportTarget
const RETRY_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504])
const BACKOFF = { baseMs: 200, capMs: 5_000 }

const resource = JSON.stringify({
  attributes: [{ key: 'service.name', value: { stringValue: serviceName } }],
})

parentPort?.on('message', (batch: SpanBatch) => {
  void send(bodyOf(batch)).then((taken) => {
    parentPort?.postMessage({ count: batch.count, failed: !taken })
  })
})

function bodyOf({ scopes }: SpanBatch): string {
  const spans = scopes.map(
    ([name, each]) => `{"scope":{"name":${JSON.stringify(name)}},"spans":[${each}]}`,
  )
  return `{"resourceSpans":[{"resource":${resource},"scopeSpans":[${spans.join()}]}]}`
}

async function send(body: string): Promise<boolean> {
  const signal = AbortSignal.timeout(timeoutMs)
  for (let attempt = 0; !signal.aborted; attempt++) {
    const status = await post(body, signal)
    if (status !== undefined && !RETRY_STATUSES.has(status)) return status < 300
    await pause(systemClock, backoffMs(BACKOFF, attempt), signal)
  }
  return false
}

/** The status; undefined where nobody answered. */
async function post(body: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      redirect: 'manual',
      signal,
    })
    await response.body?.cancel()
    return response.status
  } catch {
    return undefined
  }
}
