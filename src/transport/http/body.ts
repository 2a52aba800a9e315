/**
 * Reading a request body: nothing is read before somebody asks, nothing beyond the bound is kept.
 * A body that stalls is answered with 408 at its own timeout: that of the server is longer where it
 * takes streams.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../base/clock.ts'
import { builtinProblem, type ProblemError } from '../../operation/problem.ts'
import { isJsonType } from './request-headers.ts'

const EMPTY = Buffer.alloc(0)

/** Called once: with the bytes, with a problem, or with undefined where the caller has gone away. */
export type BodyDone = (body: Buffer | ProblemError | undefined) => void

export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length']
  return (
    request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
  )
}

export interface BodyLimits {
  readonly bytesMax: number
  /** For the whole body to arrive; undefined where the server's own bound is short enough. */
  readonly timeoutMs: number | undefined
  readonly clock: Clock
}

/** What can be told from the headers alone; undefined where the body may be read. */
export function refuseBody(request: IncomingMessage, bytesMax: number): ProblemError | undefined {
  const { headers } = request
  const refusal = refuseEncoding(request)
  if (refusal !== undefined) return refusal
  if (!isJsonType(headers['content-type'])) return builtinProblem('unsupported-media-type')
  if (Number(headers['content-length']) > bytesMax) return tooLarge(bytesMax)
  return undefined
}

export function refuseEncoding({ headers }: IncomingMessage): ProblemError | undefined {
  const encoding = headers['content-encoding']
  if (encoding === undefined || encoding === 'identity') return undefined
  return builtinProblem('unsupported-media-type', {
    detail: 'Send the body without Content-Encoding.',
    headers: { 'accept-encoding': 'identity' },
  })
}

/** Reads the whole body; the bytes of one chunk are not copied. */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  limits: BodyLimits,
  done: BodyDone,
): void {
  new BodyReader(request, limits, done)
  if (expectsContinue.has(request)) response.writeContinue()
}

/** Requests whose sender waits for a word before it sends the body (RFC 9110 §10.1.1). */
export const expectsContinue = new WeakSet<IncomingMessage>()

class BodyReader {
  readonly #request: IncomingMessage
  readonly #bytesMax: number
  readonly #done: BodyDone
  readonly #onData = (chunk: Buffer) => this.#take(chunk)
  readonly #onEnd = () => this.#finish(this.#bytes())
  readonly #onGone = () => this.#finish(undefined)
  readonly #disarm: (() => void) | undefined
  #chunks: Buffer[] = []
  #length = 0

  constructor(request: IncomingMessage, limits: BodyLimits, done: BodyDone) {
    const { bytesMax, timeoutMs, clock } = limits
    this.#request = request
    this.#bytesMax = bytesMax
    this.#done = done
    if (timeoutMs !== undefined) {
      this.#disarm = clock.after(timeoutMs, () => this.#finish(builtinProblem('request-timeout')))
    }
    request.on('data', this.#onData)
    request.on('end', this.#onEnd)
    request.on('error', this.#onGone)
    request.on('close', this.#onGone)
  }

  #take(chunk: Buffer): void {
    this.#length += chunk.length
    if (this.#length > this.#bytesMax) this.#finish(tooLarge(this.#bytesMax))
    else this.#chunks.push(chunk)
  }

  #bytes(): Buffer {
    if (this.#chunks.length === 1) return this.#chunks[0] as Buffer
    return this.#chunks.length === 0 ? EMPTY : Buffer.concat(this.#chunks, this.#length)
  }

  #finish(body: Buffer | ProblemError | undefined): void {
    const request = this.#request
    this.#disarm?.()
    request.off('data', this.#onData)
    request.off('end', this.#onEnd)
    request.off('close', this.#onGone)
    request.off('error', this.#onGone)
    // A reset that comes later must find a listener, or it would end the process.
    request.on('error', ignore)
    request.pause()
    this.#chunks = []
    this.#done(body)
  }
}

function ignore(): void {}

export function tooLarge(bytesMax: number): ProblemError {
  return builtinProblem('payload-too-large', { detail: `The body may have ${bytesMax} bytes.` })
}
