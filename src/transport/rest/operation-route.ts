/**
 * One operation bound to one route. Everything that can be known before a request is computed once.
 *
 * The steps of a request: admit, match to the letter, authenticate, read the body, put the input
 * together, execute, reply. Each may end it with a problem; limits, rules and the schema are asked
 * inside `execute`, in the order that holds for every transport.
 */
import { randomInt } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../base/clock.ts'
import type { Principal } from '../../base/principal.ts'
import type { Parsed } from '../../base/schema.ts'
import type { Assemble } from '../../operation/input.ts'
import { builtinProblem, ProblemError, problemReply } from '../../operation/problem.ts'
import type { RegisteredOperation } from '../../operation/registered.ts'
import type { Reply } from '../../operation/reply.ts'
import type { OperationRequest } from '../../operation/request.ts'
import { refusal } from '../../operation/rule.ts'
import type { HttpConfig } from '../../runtime/config.ts'
import type { Log } from '../../runtime/log.ts'
import { type Credential, deadlineAfter, OpenScope } from '../../runtime/scope.ts'
import { type TraceContext, traceContext } from '../../runtime/trace-context.ts'
import type { Admission } from '../http/admission.ts'
import { hasBody, readBody, refuseBody } from '../http/body.ts'
import { ifMatch, isUnchanged } from '../http/conditional.ts'
import { type HttpHost, unwantedBody } from '../http/host.ts'
import { readJson } from '../http/json-body.ts'
import type { HttpMetrics, OperationMetrics } from '../http/metrics.ts'
import { parseQuery } from '../http/query.ts'
import { bearerCredential, idempotencyKey, requestTimeoutMs } from '../http/request-headers.ts'
import { PathPattern, pathOf, queryOf } from '../http/target.ts'
import { isPage, nextLink } from './next-link.ts'

export interface Authentication {
  readonly principal: Principal
  readonly credential?: Credential
}

/**
 * From the text of a bearer credential, or undefined where none was sent, to who it is. A refusal
 * is a problem, returned or thrown.
 */
export type Authenticate = (
  credential: string | undefined,
  operation: RegisteredOperation,
) => Authentication | ProblemError | Promise<Authentication | ProblemError>

/** The door of an operation; answers problems too, and throws only where there is a bug. */
export type Execute = (operation: RegisteredOperation, request: OperationRequest) => Promise<Reply>

export interface RestOptions {
  readonly host: HttpHost
  readonly execute: Execute
  readonly authenticate: Authenticate
  readonly admission: Admission
  readonly metrics: HttpMetrics
  readonly limits: Pick<
    HttpConfig,
    'bodyBytesMax' | 'requestTimeoutMs' | 'requestTimeoutMaxMs' | 'trustedProxies' | 'publicUrl'
  >
  /** Flat list, on every reply. */
  readonly headers: readonly string[]
  readonly log: Log
  readonly clock: Clock
}

/** Not an answer: the caller has gone away and nobody reads one. */
type Outcome = Reply | ProblemError | undefined

interface Input {
  readonly parsed: Parsed<unknown>
  readonly raw: string
}

export class OperationRoute {
  readonly operation: RegisteredOperation
  readonly #options: RestOptions
  readonly #pattern: PathPattern
  readonly #takesBody: boolean
  readonly #timeoutMs: number
  readonly #timeoutMaxMs: number
  readonly #headers: readonly string[]
  readonly #metrics: OperationMetrics
  readonly #isPage: boolean
  readonly #publicUrl: string

  constructor(operation: RegisteredOperation, options: RestOptions) {
    const { limits } = options
    this.operation = operation
    this.#options = options
    this.#pattern = new PathPattern(operation.http?.path as string)
    this.#takesBody = operation.http?.hasBody === true
    this.#timeoutMaxMs = operation.timeoutMs ?? limits.requestTimeoutMaxMs
    this.#timeoutMs = operation.timeoutMs ?? limits.requestTimeoutMs
    this.#headers = [...options.headers, 'cache-control', 'no-store']
    this.#metrics = options.metrics.operation(operation.name)
    this.#isPage = isPage(operation.outputSchema)
    this.#publicUrl = limits.publicUrl ?? ''
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { traceparent, tracestate } = request.headers
    const exchange: Exchange = {
      request,
      response,
      requestId: this.#options.host.requestId(request),
      trace: traceContext(textOf(traceparent), textOf(tracestate)),
      startedAtMs: this.#options.clock.monotonicMs(),
    }
    try {
      this.#reply(exchange, await this.#outcome(exchange))
    } catch (error) {
      this.#replyAfter(error, exchange)
    }
  }

  /** A bug, in what was executed or in a reply that could not be written (a header with a line feed). */
  #replyAfter(error: unknown, exchange: Exchange): void {
    try {
      this.#reply(exchange, this.#problemOf(error, exchange.requestId))
    } catch (second) {
      this.#problemOf(second, exchange.requestId)
      exchange.response.destroy()
    }
  }

  async #outcome(exchange: Exchange): Promise<Outcome> {
    const { request } = exchange
    if (this.#options.admission.full) return overloaded()
    const parameters = this.#pattern.match(pathOf(request.url as string))
    if (parameters === undefined) return builtinProblem('not-found')
    const authentication = await this.#authenticate(request)
    if (authentication instanceof ProblemError) return authentication
    const text = this.#takesBody
      ? await this.#readBody(exchange)
      : (unwantedBody(request) ?? noBody)
    if (text === undefined || text instanceof ProblemError) return text
    const input = this.#assemble(request, parameters, text)
    return input instanceof ProblemError ? input : this.#execute(exchange, authentication, input)
  }

  async #authenticate(request: IncomingMessage): Promise<Authentication | ProblemError> {
    const credential = bearerCredential(request.headers.authorization)
    if (credential instanceof ProblemError) return credential
    const found = await this.#options.authenticate(credential, this.operation)
    if (found instanceof ProblemError || found.principal.kind !== 'anonymous') return found
    // Whoever has shown nothing, where something must be shown, gets no body read.
    return refusal(this.operation.allow, found) === undefined
      ? found
      : builtinProblem('unauthenticated')
  }

  /** The body as it stands; undefined where the caller has gone away. */
  #readBody({
    request,
    response,
  }: Exchange): Promise<Body | ProblemError | undefined> | Body | ProblemError {
    if (!hasBody(request)) return noBody
    const { bodyBytesMax } = this.#options.limits
    const refusal = refuseBody(request, bodyBytesMax)
    if (refusal !== undefined) return refusal
    return new Promise((resolve) => {
      readBody(request, response, bodyBytesMax, (bytes) => {
        resolve(Buffer.isBuffer(bytes) ? bodyOf(bytes) : bytes)
      })
    })
  }

  #assemble(
    request: IncomingMessage,
    path: Readonly<Record<string, string>>,
    body: Body,
  ): Input | ProblemError {
    const target = request.url as string
    const query = parseQuery(queryOf(target))
    if (query instanceof ProblemError) return query
    const assemble = this.operation.assemble as Assemble
    const parsed = assemble({ path, query, body: body.value })
    return { parsed, raw: `${request.method} ${target}\n${body.text}` }
  }

  async #execute(exchange: Exchange, who: Authentication, input: Input): Promise<Outcome> {
    const { request } = exchange
    const match = request.headers['if-match']
    const expected = match === undefined ? undefined : ifMatch(match)
    if (expected instanceof ProblemError) return expected
    const scope = this.#openScope(exchange, who)
    if (scope instanceof ProblemError) return scope
    const { admission } = this.#options
    if (admission.full) return overloaded()
    admission.enter()
    try {
      return await this.#options.execute(this.operation, {
        scope,
        input: input.parsed,
        rawInput: input.raw,
        address: clientAddress(request, this.#options.limits.trustedProxies),
        ...(expected === undefined ? {} : { ifMatch: expected }),
      })
    } finally {
      admission.leave()
      scope.close()
    }
  }

  /** Opened once the request is here in full: its deadline is for the work, not for the sending. */
  #openScope(
    { request, requestId, trace }: Exchange,
    who: Authentication,
  ): OpenScope | ProblemError {
    const { headers } = request
    const key = single(headers['idempotency-key'], idempotencyKey)
    if (key instanceof ProblemError) return key
    const asked = single(headers['request-timeout'], this.#askedMs)
    if (asked instanceof ProblemError) return asked
    const { clock } = this.#options
    return new OpenScope({
      principal: who.principal,
      credential: who.credential,
      requestId,
      trace,
      deadline: deadlineAfter(clock, asked ?? this.#timeoutMs),
      clock,
      idempotencyKey: key,
      callerGone: (onGone) => whenGone(request, onGone),
    })
  }

  readonly #askedMs = (header: string) => requestTimeoutMs(header, this.#timeoutMaxMs)

  #reply(exchange: Exchange, outcome: Outcome): void {
    const { request, response, requestId } = exchange
    const durationMs = this.#options.clock.monotonicMs() - exchange.startedAtMs
    if (outcome === undefined) {
      this.#metrics.abandoned()
      response.destroy()
      return
    }
    const reply = outcome instanceof ProblemError ? problemReply(outcome, { requestId }) : outcome
    const unchanged = reply.status === 200 && this.#isUnchanged(request, reply)
    const status = unchanged ? 304 : reply.status
    const headers = this.#headersOf(exchange, reply)
    const body = unchanged ? '' : reply.body
    this.#options.host.send(request, response, { status, headers, body })
    this.#metrics.replied(status, durationMs)
    const operation = this.operation.name
    this.#options.log.debug({ operation, status, durationMs, requestId }, 'request')
  }

  #isUnchanged(request: IncomingMessage, reply: Reply): boolean {
    const condition = request.headers['if-none-match']
    const etag = reply.headers.etag
    return (
      condition !== undefined &&
      etag !== undefined &&
      (request.method === 'GET' || request.method === 'HEAD') &&
      isUnchanged(condition, etag)
    )
  }

  #headersOf({ request, requestId, trace }: Exchange, reply: Reply): string[] {
    const cors = this.#options.host.cors.replyHeaders(request.headers.origin)
    const headers = [...this.#headers, ...cors, 'x-request-id', requestId]
    headers.push('traceparent', trace.traceparent)
    headers.push('content-type', reply.contentType)
    for (const name in reply.headers) headers.push(name, reply.headers[name] as string)
    if (reply.replayed) headers.push('idempotency-replayed', 'true')
    if (this.#isPage && reply.status === 200) {
      const link = nextLink(this.#publicUrl, request.url as string, reply.body)
      if (link !== undefined) headers.push('link', link)
    }
    return headers
  }

  #problemOf(error: unknown, requestId: string): ProblemError {
    if (error instanceof ProblemError) return error
    const operation = this.operation.name
    this.#options.log.error({ err: error, operation, requestId }, 'a request failed')
    return builtinProblem('internal')
  }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  readonly trace: TraceContext
  readonly startedAtMs: number
}

interface Body {
  readonly text: string
  /** Undefined where there was none. */
  readonly value: unknown
}

const noBody: Body = { text: '', value: undefined }

function bodyOf(bytes: Buffer): Body | ProblemError {
  return bytes.length === 0 ? noBody : readJson(bytes)
}

/** Retry-After differs from caller to caller, so that those refused together do not come together. */
function overloaded(): ProblemError {
  const seconds = randomInt(1, 4)
  return builtinProblem('unavailable', {
    detail:
      'Too much work is under way. Retry with the same Idempotency-Key after the time in Retry-After.',
    headers: { 'retry-after': `${seconds}` },
  })
}

function single<T>(
  header: string | string[] | undefined,
  read: (text: string) => T,
): T | undefined {
  return header === undefined ? undefined : read(textOf(header) as string)
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}

/** The connection's end is the caller's: a half-closed one counts as gone only once it is closed. */
function whenGone({ socket }: IncomingMessage, onGone: () => void): () => void {
  if (socket.destroyed) {
    queueMicrotask(onGone)
    return () => {}
  }
  socket.once('close', onGone)
  return () => socket.off('close', onGone)
}

/** Behind n trusted proxies, the n-th address from the right of X-Forwarded-For is the caller's. */
function clientAddress(request: IncomingMessage, trustedProxies: number): string | undefined {
  if (trustedProxies === 0) return request.socket.remoteAddress
  const forwarded = textOf(request.headers['x-forwarded-for'])?.split(',') ?? []
  return forwarded.at(-trustedProxies)?.trim() || request.socket.remoteAddress
}
