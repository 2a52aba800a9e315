/**
 * A closed-loop load generator on raw sockets: C connections, one request under way on each. It
 * reads only the status line and the length, so that most of the two cores is left to the servers.
 */
import { connect, type Socket } from 'node:net'

export interface LoadOptions {
  readonly url: string
  readonly connections: number
  readonly durationMs: number
  /** The whole request, headers and body; called once per request. */
  readonly request: () => string
}

export interface LoadResult {
  readonly requests: number
  readonly failures: number
  readonly durationMs: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export async function load(options: LoadOptions): Promise<LoadResult> {
  const latencies: number[] = []
  const counts = { failures: 0 }
  const startedAt = performance.now()
  const endAt = startedAt + options.durationMs
  await Promise.all(
    Array.from({ length: options.connections }, () => client(options, endAt, latencies, counts)),
  )
  latencies.sort((a, b) => a - b)
  return {
    requests: latencies.length,
    failures: counts.failures,
    durationMs: performance.now() - startedAt,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  }
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}

function client(
  options: LoadOptions,
  endAt: number,
  latencies: number[],
  counts: { failures: number },
): Promise<void> {
  const { port, hostname } = new URL(options.url)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket: Socket = connect(Number(port), hostname)
  let sentAt = 0
  let pending = ''
  const send = () => {
    if (performance.now() >= endAt) {
      socket.end()
      resolve()
      return
    }
    sentAt = performance.now()
    socket.write(options.request())
  }
  socket.setNoDelay(true)
  socket.on('connect', send)
  socket.on('error', reject)
  socket.on('close', () => resolve())
  socket.on('data', (chunk) => {
    pending += chunk.toString('latin1')
    const length = replyLength(pending)
    if (length === undefined || pending.length < length) return
    if (pending.charCodeAt(9) !== 50) counts.failures++
    pending = pending.slice(length)
    latencies.push(performance.now() - sentAt)
    send()
  })
  return promise
}

function replyLength(text: string): number | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const match = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))
  return end + 4 + Number(match?.[1] ?? 0)
}
