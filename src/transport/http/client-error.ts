/**
 * Requests that the parser refused, or that did not arrive in time: there is no request object, so
 * the answer is written to the socket, and the connection ends.
 *
 * On one connection several requests may be under way. An error that belongs to a later one must
 * not be answered in the place of an earlier one: its answer waits until the earlier are done.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { uuidv7 } from '../../base/id.ts'
import { builtinProblem, PROBLEM_CONTENT_TYPE, problemReply } from '../../operation/problem.ts'
import type { BuiltinProblemCode } from '../../operation/problem-catalogue.ts'
import type { Log } from '../../runtime/log.ts'
import { http } from '../../runtime/node-http.ts'
import { isLingering } from './reply.ts'

/** What the peer still sends after its answer is discarded for so long. */
const LINGER_MS_MAX = 500

interface ClientError extends Error {
  readonly code?: string
  readonly reason?: string
}

/** Node keeps the reply that is next on a connection here; it has no public name. */
interface HttpSocket extends Socket {
  readonly _httpMessage?: ServerResponse | null
}

export class ClientErrors {
  readonly #headers: readonly string[]
  readonly #log: Log
  readonly #clock: Clock
  #count = 0

  constructor(headers: readonly string[], log: Log, clock: Clock) {
    this.#headers = headers
    this.#log = log
    this.#clock = clock
  }

  get count(): number {
    return this.#count
  }

  answer(error: ClientError, socket: Socket): void {
    this.#log.debug({ err: error, code: error.code }, 'a request could not be read')
    this.#answerInTurn(error, socket as HttpSocket)
  }

  #answerInTurn(error: ClientError, socket: HttpSocket): void {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const current = socket._httpMessage
    if (current?.req.complete && !current.writableFinished) {
      current.once('finish', () => setImmediate(() => this.#answerInTurn(error, socket)))
      return
    }
    this.#count++
    if (current && isLingering(current)) current.end()
    else if (current?.headersSent) socket.destroy()
    else close(socket, this.#text(error))
  }

  #text(error: ClientError): string {
    const { code, detail } = verdict(error)
    const requestId = uuidv7()
    const reply = problemReply(builtinProblem(code, { detail }), { requestId })
    const headers = [
      ...this.#headers,
      'content-type',
      PROBLEM_CONTENT_TYPE,
      'cache-control',
      'no-store',
      'x-request-id',
      requestId,
      'content-length',
      `${Buffer.byteLength(reply.body)}`,
      'connection',
      'close',
      'date',
      new Date(this.#clock.now()).toUTCString(),
    ]
    const lines = [`HTTP/1.1 ${reply.status} ${http.STATUS_CODES[reply.status]}`]
    for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`)
    return `${lines.join('\r\n')}\r\n\r\n${reply.body}`
  }
}

function verdict(error: ClientError): { code: BuiltinProblemCode; detail?: string } {
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { code: 'request-timeout' }
    case 'HPE_HEADER_OVERFLOW':
      return { code: 'headers-too-large' }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { code: 'payload-too-large', detail: 'The chunk extensions are too long.' }
    default:
      return { code: 'malformed', detail: `The request is not valid HTTP/1.1: ${reasonOf(error)}.` }
  }
}

function reasonOf(error: ClientError): string {
  return error.reason ?? error.code ?? 'unknown'
}

function close(socket: Socket, text: string): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS_MAX)
  socket.once('close', () => clearTimeout(timer))
  socket.on('error', () => socket.destroy())
  socket.once('end', () => socket.destroy())
  socket.end(text)
  socket.resume()
}
