/**
 * The HTTP host of one port: fastify for routing and raw routes, around it everything that must
 * hold before and after a route is found.
 *
 * Terms. The *front* sees each request before the router does. *Draining*: replies close their
 * connections. States. made -> listening -> draining -> stopped; `stop` twice is `stop` once.
 */
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type FastifyInstance, type FastifyReply, fastify } from 'fastify'
import type { Clock } from '../../base/clock.ts'
import { HoldfastError } from '../../base/fault.ts'
import { uuidv7 } from '../../base/id.ts'
import { builtinProblem, ProblemError, problemReply } from '../../operation/problem.ts'
import type { HttpConfig } from '../../runtime/config.ts'
import type { Log } from '../../runtime/log.ts'
import { http } from '../../runtime/node-http.ts'
import { AllowedMethods } from './allowed-methods.ts'
import { expectsContinue, hasBody } from './body.ts'
import { ClientErrors } from './client-error.ts'
import type { Cors } from './cors.ts'
import { type Outgoing, send } from './reply.ts'
import { acceptedRequestId } from './request-headers.ts'
import { isSuspicious, judgeTarget, originForm, pathOf } from './target.ts'

export type HostLimits = Pick<
  HttpConfig,
  | 'headerBytesMax'
  | 'connectionsMax'
  | 'requestsPerConnectionMax'
  | 'receiveTimeoutMs'
  | 'headersTimeoutMs'
  | 'keepAliveTimeoutMs'
>

export interface HostOptions {
  readonly limits: HostLimits
  /** The longest that any request may take once it is here. */
  readonly longestMs: number
  /** Flat list, on every reply that Holdfast makes. */
  readonly headers: readonly string[]
  readonly cors: Cors
  readonly log: Log
  readonly clock: Clock
  /** Told of requests that no operation has seen. */
  readonly onRefused?: (problem: string) => void
}

/** Node looks for requests that are late this often; it is the slack of the two timeouts. */
const TIMEOUT_CHECK_MS = 1000
/** More headers than this are an attack: Node silently drops what is beyond, so it must not bite. */
const HEADERS_MAX = 2000
/** A socket that moves no byte for so long beyond the longest request is dead: it reads no reply. */
const SILENCE_SLACK_MS = 30_000
/** Longer parameters are no ids. */
const PARAMETER_LENGTH_MAX = 1024

/** Operations bring their own schemas. Named, so that fastify does not load what it compiles by. */
const noSchemas = {
  buildValidator: refuseSchema as never,
  buildSerializer: refuseSchema as never,
}

function refuseSchema(): never {
  throw new HoldfastError('HF_BUG', 'Bug: a raw route has a schema; its handler checks its input.')
}

const requestCount = Symbol('requests on this connection')
interface CountedSocket extends Socket {
  [requestCount]?: number
}

export class HttpHost {
  readonly app: FastifyInstance
  readonly clientErrors: ClientErrors
  readonly #options: HostOptions
  readonly #server: Server
  readonly #allowed = new AllowedMethods()
  readonly #sockets = new Set<Socket>()
  #draining = false
  #dropped = 0
  #stopping: Promise<void> | undefined

  constructor(options: HostOptions) {
    this.#options = options
    this.clientErrors = new ClientErrors(options.headers, options.log, options.clock)
    this.#server = http.createServer(serverOptions(options.limits))
    this.app = this.#makeApp()
    this.#listenToServer()
  }

  get cors(): Cors {
    return this.#options.cors
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Connections closed at once because there were too many. */
  get dropped(): number {
    return this.#dropped
  }

  /** Where it listens: `http://127.0.0.1:3000`. */
  async listen(at: { readonly host: string; readonly port: number }): Promise<string> {
    await this.app.ready()
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host: at.host, port: at.port }, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    const { address, family, port } = this.#server.address() as AddressInfo
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  /** From now on each reply ends its connection. New connections are still taken. */
  drain(): void {
    this.#draining = true
  }

  /** Takes no new connection, lets what is under way end within `timeoutMs`, then cuts the rest. */
  stop(timeoutMs: number): Promise<void> {
    this.#stopping ??= this.#stop(timeoutMs)
    return this.#stopping
  }

  async #stop(timeoutMs: number): Promise<void> {
    this.#draining = true
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const cancel = this.#options.clock.after(timeoutMs, () => {
      for (const socket of this.#sockets) socket.destroy()
    })
    await closed
    // The server counts a socket as gone before the socket says so to whoever works for its caller.
    await Promise.all([...this.#sockets].map((socket) => once(socket, 'close')))
    cancel()
    await this.app.close()
  }

  #makeApp(): FastifyInstance {
    const app = fastify({
      logger: false,
      exposeHeadRoutes: false,
      return503OnClosing: false,
      genReqId: () => '',
      serverFactory: (route) => {
        this.#routeTo(route)
        return this.#server
      },
      frameworkErrors: (_error, request, reply) => {
        reply.hijack()
        this.refuse(request.raw, reply.raw, builtinProblem('not-found'))
      },
      clientErrorHandler: () => {},
      schemaController: { compilersFactory: noSchemas },
      routerOptions: {
        caseSensitive: true,
        ignoreTrailingSlash: false,
        ignoreDuplicateSlashes: false,
        maxParamLength: PARAMETER_LENGTH_MAX,
        querystringParser: (query) => query as unknown as Record<string, unknown>,
      },
    })
    this.#readNoBodies(app)
    app.addHook('onRoute', (route) => {
      for (const method of [route.method].flat()) this.#allowed.add(method, route.url)
    })
    app.addHook('onSend', (request, reply, payload, done) => {
      this.#dress(request.raw, reply)
      done(null, payload)
    })
    app.setNotFoundHandler((request, reply) => {
      reply.hijack()
      this.#notFound(request.raw, reply.raw)
    })
    app.setErrorHandler((error, request, reply) => {
      reply.hijack()
      this.refuse(request.raw, reply.raw, this.#problemOf(error))
    })
    return app
  }

  /** Replies of raw routes carry what all replies carry, unless the route says otherwise. */
  #dress(request: IncomingMessage, reply: FastifyReply): void {
    const common = [...this.#options.headers, ...this.cors.replyHeaders(request.headers.origin)]
    common.push('x-request-id', this.requestId(request), 'cache-control', 'no-store')
    for (let at = 0; at < common.length; at += 2)
      if (!reply.hasHeader(common[at] as string)) reply.header(common[at] as string, common[at + 1])
  }

  /** Whoever handles the route reads the body, with its own bound and by its own grammar. */
  #readNoBodies(app: FastifyInstance): void {
    app.removeAllContentTypeParsers()
    // By its name too: the router caches named types only.
    for (const type of ['application/json', '*'])
      app.addContentTypeParser(type, (_request, _body, done) => done(null))
  }

  #routeTo(route: (request: IncomingMessage, response: ServerResponse) => void): void {
    this.#server.on('request', (request, response) => {
      const problem = this.#front(request, response)
      if (problem === undefined) route(request, response)
      else this.refuse(request, response, problem)
    })
  }

  #listenToServer(): void {
    const server = this.#server
    const { limits } = this.#options
    server.maxConnections = limits.connectionsMax
    server.maxHeadersCount = HEADERS_MAX
    server.timeout = this.#options.longestMs + SILENCE_SLACK_MS
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      // Each request in a pipeline listens for its end; how many there may be is bounded elsewhere.
      socket.setMaxListeners(0)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('drop', () => {
      this.#dropped++
    })
    server.on('clientError', (error, socket) => this.clientErrors.answer(error, socket as Socket))
    server.on('checkContinue', (request, response) => {
      expectsContinue.add(request)
      server.emit('request', request, response)
    })
    server.on('checkExpectation', (request, response) => {
      this.refuse(request, response, builtinProblem('expectation-failed'))
    })
    server.on('connect', (_request, socket) => {
      const error = Object.assign(new Error('CONNECT'), { reason: 'CONNECT is not supported' })
      this.clientErrors.answer(error, socket as Socket)
    })
  }

  /** What must hold before anything is routed; a problem where it does not. */
  #front(request: IncomingMessage, response: ServerResponse): ProblemError | undefined {
    if (this.#draining || this.#isLast(request.socket)) response.setHeader('connection', 'close')
    const { headers, httpVersion } = request
    if (httpVersion !== '1.1' && httpVersion !== '1.0')
      return malformed('The only versions read here are HTTP/1.1 and HTTP/1.0.')
    if (headers.host === undefined ? httpVersion === '1.1' : !HOST.test(headers.host))
      return malformed('The Host header must be sent once, and must name a host.')
    const coding = headers['transfer-encoding']
    // RFC 9112 §6.1: HTTP/1.0 knows no transfer coding; what frames the body there is not sure.
    if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion === '1.0'))
      return malformed('The only Transfer-Encoding read here is chunked, in HTTP/1.1.')
    if (request.url === '*') return undefined
    request.url = originForm(request.url as string)
    const verdict = judgeTarget(request.url)
    if (verdict === 'malformed')
      return malformed('The request target is not a valid path and query.')
    if (verdict === 'ok' && this.#isRouted(pathOf(request.url))) return undefined
    return builtinProblem('not-found')
  }

  /** The router decodes before it compares: what could match only so, raw routes too, does not. */
  #isRouted(path: string): boolean {
    return !isSuspicious(path) || this.#allowed.of(path).length > 0
  }

  /** Connections end now and then, so that load spreads to processes that have started since. */
  #isLast(socket: CountedSocket): boolean {
    const count = (socket[requestCount] ?? 0) + 1
    socket[requestCount] = count
    return count >= this.#options.limits.requestsPerConnectionMax
  }

  #notFound(request: IncomingMessage, response: ServerResponse): void {
    const allowed = this.#allowed.of(pathOf(request.url as string))
    if (request.method === 'OPTIONS' && (allowed.length > 0 || request.url === '*')) {
      this.#answerOptions(request, response, allowed)
      return
    }
    if (allowed.length === 0) this.refuse(request, response, builtinProblem('not-found'))
    else {
      const headers = { allow: allowed.join(', ') }
      this.refuse(request, response, builtinProblem('method-not-allowed', { headers }))
    }
  }

  /** A preflight where it is one, else what the path allows. */
  #answerOptions(
    request: IncomingMessage,
    response: ServerResponse,
    allowed: readonly string[],
  ): void {
    const preflight = this.#options.cors.preflightHeaders(request.headers, allowed)
    const headers = [...this.#options.headers, 'x-request-id', this.requestId(request)]
    headers.push(...(preflight ?? this.#options.cors.replyHeaders(request.headers.origin)))
    if (allowed.length > 0) headers.push('allow', [...allowed, 'OPTIONS'].join(', '))
    this.send(request, response, { status: 204, headers, body: '' })
  }

  /** Writes a reply; while draining it ends its connection, also where it was begun before. */
  send(request: IncomingMessage, response: ServerResponse, reply: Outgoing): void {
    if (this.#draining) reply.headers.push('connection', 'close')
    send(request, response, reply)
  }

  /** The caller's request id where it may be taken over, else a new one. */
  requestId(request: IncomingMessage): string {
    const header = request.headers['x-request-id']
    return (typeof header === 'string' ? acceptedRequestId(header) : undefined) ?? uuidv7()
  }

  /** Answers a request that no operation has seen. */
  refuse(request: IncomingMessage, response: ServerResponse, problem: ProblemError): void {
    this.#options.onRefused?.(problem.code)
    const requestId = this.requestId(request)
    const reply = problemReply(problem, { requestId })
    const headers = [
      ...this.#options.headers,
      ...this.#options.cors.replyHeaders(request.headers.origin),
      'x-request-id',
      requestId,
      'cache-control',
      'no-store',
      'content-type',
      reply.contentType,
    ]
    for (const name in reply.headers) headers.push(name, reply.headers[name] as string)
    this.send(request, response, { status: reply.status, headers, body: reply.body })
  }

  #problemOf(error: unknown): ProblemError {
    if (error instanceof ProblemError) return error
    const status = (error as { statusCode?: unknown }).statusCode
    if (status === 415) return builtinProblem('unsupported-media-type')
    if (typeof status === 'number' && status >= 400 && status < 500)
      return malformed((error as Error).message)
    this.#options.log.error({ err: error }, 'a route failed')
    return builtinProblem('internal')
  }
}

/** RFC 9110 §7.2: host and optional port; two Host headers reach us joined by a comma. */
const HOST = /^(?:[A-Za-z0-9._~%!$&'()*+;=-]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/

function serverOptions(limits: HostLimits) {
  return {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.receiveTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    insecureHTTPParser: false,
    // Duplicates are joined, not dropped: each header's grammar then refuses what came twice.
    joinDuplicateHeaders: true,
    // Answered by the front, with a problem document.
    requireHostHeader: false,
    noDelay: true,
  }
}

function malformed(detail: string): ProblemError {
  return builtinProblem('malformed', { detail })
}

/** A GET or DELETE whose body nobody would read. */
export function unwantedBody(request: IncomingMessage): ProblemError | undefined {
  return hasBody(request) ? malformed('This request takes no body.') : undefined
}
