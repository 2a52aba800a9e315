/** One request and its reply over HTTP/1.1, within a time and a size. */
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Clock } from '../base/clock.ts'
import type { HoldfastError } from '../base/fault.ts'
import { http, https } from '../runtime/node-http.ts'
import {
  type Effect,
  type FailureFacts,
  type OutboundCode,
  outboundError,
} from './outbound-error.ts'
import type { Target } from './route.ts'

export interface ExchangeOptions extends Target {
  readonly client: string
  readonly route: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
  readonly agent: Agent
  readonly timeoutMs: number
  readonly replyBytesMax: number
  readonly signal: AbortSignal
  readonly clock: Clock
}

export interface RawReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

/** Rejects with a HF_OUTBOUND_ error, or with the reason of the signal. */
export function exchange(options: ExchangeOptions): Promise<RawReply> {
  return new Exchange(options).done
}

class Exchange {
  readonly done: Promise<RawReply>
  readonly #options: ExchangeOptions
  readonly #request: ClientRequest
  #resolve: (reply: RawReply) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  /** Once there is a connection, bytes may have gone out. */
  #connected = false

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#request = this.#open()
    const release = this.#listen()
    this.done.finally(release).catch(() => {})
    this.#request.end(options.body)
  }

  #open(): ClientRequest {
    const { url, method, headers, agent } = this.#options
    const { request } = url.protocol === 'https:' ? https : http
    return request(url, { method, headers, agent })
  }

  #listen(): () => void {
    const { signal, clock, timeoutMs } = this.#options
    const request = this.#request
    const abort = () => this.#fail(signal.reason)
    const stopTimer = clock.after(Math.ceil(timeoutMs), () => this.#fail(this.#timedOut()))
    signal.addEventListener('abort', abort, { once: true })
    request.on('socket', (socket) => {
      if (!socket.connecting) this.#connected = true
      else socket.once('connect', () => this.#connect())
    })
    request.on('response', (response) => this.#read(response))
    request.on('error', (error) => this.#fail(this.#broken(error)))
    if (signal.aborted) abort()
    return () => {
      stopTimer()
      signal.removeEventListener('abort', abort)
    }
  }

  #connect(): void {
    this.#connected = true
  }

  #read(response: IncomingMessage): void {
    const { replyBytesMax } = this.#options
    const chunks: Buffer[] = []
    let length = 0
    response.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= replyBytesMax) chunks.push(chunk)
      else
        this.#fail(this.#error('HF_OUTBOUND_REPLY', `more than ${replyBytesMax} bytes came back`))
    })
    response.on('error', (error) => this.#fail(this.#broken(error)))
    response.on('end', () => {
      const { statusCode = 0, headers } = response
      if (response.complete)
        this.#resolve({ status: statusCode, headers, bytes: Buffer.concat(chunks) })
      else this.#fail(this.#broken(new Error('the reply was cut off')))
    })
  }

  #fail(error: unknown): void {
    this.#reject(error)
    this.#request.destroy()
  }

  #timedOut(): HoldfastError {
    const ms = Math.round(this.#options.timeoutMs)
    const where = this.#connected ? 'no answer' : 'no connection'
    return this.#error('HF_OUTBOUND_TIMEOUT', `${where} within ${ms} ms`)
  }

  #broken(cause: Error): HoldfastError {
    const { code } = cause as NodeJS.ErrnoException
    return this.#error('HF_OUTBOUND_UNREACHABLE', code ?? cause.message, cause)
  }

  #error(code: OutboundCode, message: string, cause?: unknown): HoldfastError {
    const { client, route } = this.#options
    const effect: Effect = this.#connected ? 'unknown' : 'none'
    const facts: FailureFacts = { client, route, effect }
    return outboundError(code, facts, message, cause)
  }
}
