/**
 * The thread that sends spans by OTLP over HTTP: waiting for a collector costs the process nothing. What
 * says "again" is asked again (OTLP 1.7, "Retryable Response Codes"), as long as there is time for it.
 */
import type { OutgoingHttpHeaders } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'
import { backoffMs } from '../../base/backoff.ts'
import { pause, systemClock } from '../../base/clock.ts'
import { http, https } from '../node-http.ts'
import {
  BUFFERS_MAX,
  type ExportTarget,
  type FilledBuffer,
  type SentBuffer,
} from './span-buffer.ts'

const { url, headers, timeoutMs } = workerData as ExportTarget
const protocol = url.startsWith('https:') ? https : http
/** One connection for each buffer that may be under way. */
const agent = new protocol.Agent({ keepAlive: true, maxSockets: BUFFERS_MAX })
const RETRY_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504])
const BACKOFF = { baseMs: 200, capMs: 5_000 }

parentPort?.on('message', ({ buffer, length, count }: FilledBuffer) => {
  void send(new Uint8Array(buffer, 0, length)).then((taken) => {
    const sent: SentBuffer = { buffer, count, failed: !taken }
    parentPort?.postMessage(sent, [buffer])
  })
})

async function send(body: Uint8Array): Promise<boolean> {
  const signal = AbortSignal.timeout(timeoutMs)
  for (let attempt = 0; !signal.aborted; attempt++) {
    const status = await post(body, signal)
    if (status !== undefined && !RETRY_STATUSES.has(status)) return status < 300
    await pause(systemClock, backoffMs(BACKOFF, attempt), signal)
  }
  return false
}

/**
 * The status; undefined where nobody answered. Resolves when the body is not read any more. By `node:http`:
 * `fetch` copies the body and takes three times as much.
 */
function post(body: Uint8Array, signal: AbortSignal): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  let status: number | undefined
  const request = protocol.request(url, { method: 'POST', agent, headers: headersOf(body), signal })
  request.on('response', (response) => {
    status = response.statusCode
    response.on('error', () => {}).resume()
  })
  // What went wrong is over with the request.
  request.on('error', () => {})
  request.on('close', () => resolve(status))
  request.end(body)
  return promise
}

function headersOf({ length }: Uint8Array): OutgoingHttpHeaders {
  return { ...headers, 'content-type': 'application/x-protobuf', 'content-length': length }
}
