/**
 * One operation bound to one route. Everything that can be known before a request is computed once.
 *
 * The steps of a request: admit, match to the letter, authenticate, read the body, put the input
 * together, execute, reply. Each may end it with a problem; limits, rules and the schema are asked
 * inside `execute`, in the order that holds for every transport.
 */
import { randomInt } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../base/clock.ts'
import type { Principal } from '../../base/principal.ts'
import type { Parsed } from '../../base/schema.ts'
import type { Assemble } from '../../operation/input.ts'
import { builtinProblem, ProblemError, problemReply } from '../../operation/problem.ts'
import type { RegisteredCommand, RegisteredOperation } from '../../operation/registered.ts'
import type { Reply } from '../../operation/reply.ts'
import type { OperationRequest } from '../../operation/request.ts'
import { refusal } from '../../operation/rule.ts'
import type { Staged, StageRequest } from '../../operation/stage-body.ts'
import type { StreamedInput } from '../../operation/streamed-input.ts'
import type { HttpConfig } from '../../runtime/config.ts'
import type { Log } from '../../runtime/log.ts'
import { type Credential, deadlineAfter, OpenScope } from '../../runtime/scope.ts'
import type { Telemetry } from '../../runtime/telemetry/telemetry.ts'
import type { Phase } from '../../runtime/telemetry/work-meter.ts'
import type { Admission } from '../http/admission.ts'
import { hasBody, readBody, refuseBody } from '../http/body.ts'
import { ifMatch, isUnchanged } from '../http/conditional.ts'
import { type HttpHost, unwantedBody } from '../http/host.ts'
import { readJson } from '../http/json-body.ts'
import type { HttpMetrics } from '../http/metrics.ts'
import { parseQuery } from '../http/query.ts'
import { bearerCredential, idempotencyKey, requestTimeoutMs } from '../http/request-headers.ts'
import { streamHead, streamPieces } from '../http/streamed-body.ts'
import { PathPattern, pathOf, queryOf } from '../http/target.ts'
import { isPage, nextLink } from './next-link.ts'
import { type RequestRecord, RequestRecorder, textOf } from './request-record.ts'

export interface Authentication {
  readonly principal: Principal
  readonly credential?: Credential
  /** The sender's id of a signed message: it stands in for the header. */
  readonly idempotencyKey?: string
}

/**
 * From the text of a bearer credential, or undefined where none was sent, to who it is. A refusal
 * is a problem, returned or thrown.
 */
export type Authenticate = (
  credential: string | undefined,
  operation: RegisteredOperation,
  headers: IncomingHttpHeaders,
) => Authentication | ProblemError | Promise<Authentication | ProblemError>

/** For operations whose callers sign what they send: asked with the raw body, before it is parsed. */
export type VerifyRequest = (
  operation: RegisteredOperation,
  request: { readonly headers: IncomingHttpHeaders; readonly body: Buffer },
) => Authentication | ProblemError

/** The door of an operation; answers problems too, and throws only where there is a bug. */
export type Execute = (operation: RegisteredOperation, request: OperationRequest) => Promise<Reply>

/** Keeps a streamed body until its command runs. Throws what the body throws. */
export type Stage = (
  command: RegisteredCommand,
  request: StageRequest,
) => Promise<Staged | ProblemError>

export interface RestOptions {
  readonly host: HttpHost
  readonly execute: Execute
  readonly stage: Stage
  readonly authenticate: Authenticate
  readonly verify: VerifyRequest
  readonly admission: Admission
  /** The same for bodies that are being streamed. */
  readonly streams: Admission
  /** For a body that is no stream; undefined where the server's own timeout sees to it. */
  readonly bodyTimeoutMs: number | undefined
  readonly metrics: HttpMetrics
  readonly telemetry: Telemetry
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
  readonly #recorder: RequestRecorder
  readonly #isPage: boolean
  readonly #publicUrl: string
  readonly #streamed: StreamedInput | undefined

  constructor(operation: RegisteredOperation, options: RestOptions) {
    const { limits } = options
    this.operation = operation
    this.#options = options
    this.#pattern = new PathPattern(operation.http?.path as string)
    this.#takesBody = operation.http?.hasBody === true
    this.#timeoutMaxMs = operation.timeoutMs ?? limits.requestTimeoutMaxMs
    this.#timeoutMs = operation.timeoutMs ?? limits.requestTimeoutMs
    this.#headers = [...options.headers, 'cache-control', 'no-store']
    const { telemetry, log, clock } = options
    const metrics = options.metrics.operation(operation)
    this.#recorder = new RequestRecorder({ operation, metrics, telemetry, log, clock })
    this.#isPage = isPage(operation.outputSchema)
    this.#publicUrl = limits.publicUrl ?? ''
    this.#streamed = operation.kind === 'command' ? operation.contract.streamed : undefined
  }

  handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const record = this.#recorder.begin(request, this.#options.host.requestId(request))
    return this.#handle({ request, response, record })
  }

  async #handle(exchange: Exchange): Promise<void> {
    try {
      this.#reply(exchange, await this.#outcome(exchange))
    } catch (error) {
      this.#replyAfter(error, exchange)
    }
  }

  /** A bug, in what was executed or in a reply that could not be written (a header with a line feed). */
  #replyAfter(error: unknown, exchange: Exchange): void {
    try {
      this.#reply(exchange, this.#problemOf(error, exchange.record.requestId))
    } catch (second) {
      this.#problemOf(second, exchange.record.requestId)
      exchange.response.destroy()
    }
  }

  async #outcome(exchange: Exchange): Promise<Outcome> {
    const { request, record } = exchange
    if (this.#options.admission.full) return overloaded()
    const parameters = this.#pattern.match(pathOf(request.url as string))
    if (parameters === undefined) return builtinProblem('not-found')
    this.#enter(record, 'authenticate')
    const shown =
      this.operation.authenticate === undefined ? await this.#authenticate(request) : undefined
    if (shown instanceof ProblemError) return shown
    record.principal = shown?.principal
    this.#enter(record, 'receive')
    if (this.#streamed !== undefined && shown) return this.#stream(exchange, shown, parameters)
    const bytes = this.#takesBody
      ? await this.#readBody(exchange)
      : (unwantedBody(request) ?? EMPTY)
    if (bytes === undefined || bytes instanceof ProblemError) return bytes
    const who = shown ?? this.#verify(exchange, bytes)
    if (who instanceof ProblemError) return who
    record.principal = who.principal
    const text = bodyOf(bytes)
    if (text instanceof ProblemError) return text
    const input = this.#assemble(request, parameters, text)
    return input instanceof ProblemError ? input : this.#execute(exchange, who, input)
  }

  /** Code of the app, outside of its operation: what it opens is a part of the request. */
  #verify({ request: { headers }, record }: Exchange, body: Buffer) {
    const { span } = record.trace
    const verify = () => this.#options.verify(this.operation, { headers, body })
    return span === undefined ? verify() : span.run(verify)
  }

  #enter({ meter }: RequestRecord, phase: Phase): void {
    meter.enter(phase, this.#options.clock.monotonicMs())
  }

  async #authenticate(request: IncomingMessage): Promise<Authentication | ProblemError> {
    const credential = bearerCredential(request.headers.authorization)
    if (credential instanceof ProblemError) return credential
    const found = await this.#options.authenticate(credential, this.operation, request.headers)
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
    record,
  }: Exchange): Promise<Buffer | ProblemError | undefined> | Buffer | ProblemError {
    if (!hasBody(request)) return EMPTY
    const { limits, bodyTimeoutMs: timeoutMs, clock } = this.#options
    const bounds = { bytesMax: limits.bodyBytesMax, timeoutMs, clock }
    const refusal = refuseBody(request, bounds.bytesMax)
    if (refusal !== undefined) return refusal
    return new Promise((resolve) => {
      readBody(request, response, bounds, (bytes) => {
        if (Buffer.isBuffer(bytes)) record.bytesIn = bytes.length
        resolve(bytes)
      })
    })
  }

  /** The body is staged, and the command asked with what stands for it. */
  async #stream(
    exchange: Exchange,
    who: Authentication,
    path: Readonly<Record<string, string>>,
  ): Promise<Outcome> {
    const { request } = exchange
    const { contentTypes, bytesMax, receiveTimeoutMs } = this.#streamed as StreamedInput
    const head = streamHead(request, contentTypes, { bytesMax })
    if (head instanceof ProblemError) return head
    const input = this.#assemble(request, path, noBody)
    if (input instanceof ProblemError) return input
    // What cannot be asked is refused as always, and no byte of it is read.
    if (!input.parsed.ok) return this.#execute(exchange, who, input)
    const { streams } = this.#options
    if (streams.full) return overloaded()
    const scope = this.#openScope(exchange, who, receiveTimeoutMs)
    if (scope instanceof ProblemError) return scope
    streams.enter()
    try {
      const staged = await this.#stage(exchange, { ...head, scope })
      if (staged === undefined || staged instanceof ProblemError) return staged
      exchange.record.bytesIn = Number(request.headers['content-length'] ?? 0)
      const { execute } = this.#options
      return await this.#execute(exchange, who, this.#withStaged(input, staged), (_, asked) =>
        staged.execute(asked, execute),
      )
    } finally {
      streams.leave()
      scope.close()
    }
  }

  /** Undefined where the caller has gone away. */
  async #stage(
    { request, response }: Exchange,
    head: Omit<StageRequest, 'body' | 'address'>,
  ): Promise<Staged | ProblemError | undefined> {
    const body = streamPieces(request, response)
    const address = clientAddress(request, this.#options.limits.trustedProxies)
    try {
      return await this.#options.stage(this.operation as RegisteredCommand, {
        ...head,
        body,
        address,
      })
    } catch (error) {
      if (!request.complete) return undefined
      throw error
    }
  }

  #withStaged({ parsed, raw }: Input, { id, sha256 }: Staged): Input {
    const { field } = this.#streamed as StreamedInput
    const fields = parsed.ok ? (parsed.value as object) : {}
    const clash = { pointer: `/${field}`, message: 'is the body, and stands nowhere else' }
    return {
      parsed: Object.hasOwn(fields, field)
        ? { ok: false, violations: [clash] }
        : { ok: true, value: { ...fields, [field]: id } },
      raw: `${raw}sha-256=${sha256}`,
    }
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

  async #execute(
    exchange: Exchange,
    who: Authentication,
    input: Input,
    execute: Execute = this.#options.execute,
  ): Promise<Outcome> {
    const { request } = exchange
    const match = request.headers['if-match']
    const expected = match === undefined ? undefined : ifMatch(match)
    if (expected instanceof ProblemError) return expected
    this.#enter(exchange.record, 'admit')
    const scope = this.#openScope(exchange, who)
    if (scope instanceof ProblemError) return scope
    const { admission } = this.#options
    if (admission.full) return overloaded()
    admission.enter()
    try {
      return await execute(this.operation, {
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
    { request, record }: Exchange,
    who: Authentication,
    timeoutMs: number = this.#timeoutMs,
  ): OpenScope | ProblemError {
    const { headers } = request
    const key = who.idempotencyKey ?? single(headers['idempotency-key'], idempotencyKey)
    if (key instanceof ProblemError) return key
    const asked = single(headers['request-timeout'], this.#askedMs)
    if (asked instanceof ProblemError) return asked
    const { clock } = this.#options
    return new OpenScope({
      principal: who.principal,
      credential: who.credential,
      requestId: record.requestId,
      trace: record.trace,
      meter: record.meter,
      deadline: deadlineAfter(clock, asked ?? timeoutMs),
      clock,
      idempotencyKey: key,
      callerGone: (onGone) => whenGone(request, onGone),
    })
  }

  readonly #askedMs = (header: string) => requestTimeoutMs(header, this.#timeoutMaxMs)

  #reply(exchange: Exchange, outcome: Outcome): void {
    const { request, response, record } = exchange
    if (outcome === undefined) {
      this.#recorder.end(record, {})
      response.destroy()
      return
    }
    const reply = outcome instanceof ProblemError ? problemReply(outcome, record) : outcome
    const unchanged = reply.status === 200 && this.#isUnchanged(request, reply)
    const status = unchanged ? 304 : reply.status
    const headers = this.#headersOf(exchange, reply)
    const body = unchanged ? '' : reply.body
    this.#options.host.send(request, response, { status, headers, body })
    const { problem, replayed } = reply
    this.#recorder.end(record, { status, problem, replayed, bytesOut: Buffer.byteLength(body) })
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

  #headersOf({ request, record }: Exchange, reply: Reply): string[] {
    const cors = this.#options.host.cors.replyHeaders(request.headers.origin)
    const headers = [...this.#headers, ...cors, 'x-request-id', record.requestId]
    headers.push('traceparent', record.trace.traceparent)
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
  readonly record: RequestRecord
}

interface Body {
  readonly text: string
  /** Undefined where there was none. */
  readonly value: unknown
}

const EMPTY = Buffer.alloc(0)
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
