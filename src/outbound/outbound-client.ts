/**
 * A client for one dependency. Every call has an end (its own time and the caller's deadline), a
 * bound on what comes back, and a place among a bounded number of others; a call that may be made
 * again is, a few times, with jitter, as long as the budget of retries for all calls lasts.
 *
 * Terms. A *call* is what a caller asks for; an *attempt* is one request of it. A call may be made
 * again if its method is idempotent or it has a key, or if nothing of it can have arrived.
 * Not done: a redirect is never followed, no body is decompressed, no cookie is kept.
 */
import type { Agent } from 'node:http'
import { backoffMs } from '../base/backoff.ts'
import { pause } from '../base/clock.ts'
import { HoldfastError } from '../base/fault.ts'
import { Remembered } from '../base/remembered.ts'
import { http, https } from '../runtime/node-http.ts'
import { transactionAround } from '../runtime/outbound-guard.ts'
import type { Scope } from '../runtime/scope.ts'
import type { SpanAttributes, SpanShape, TraceSpan } from '../runtime/telemetry/tracing.ts'
import { childTrace } from '../runtime/trace-context.ts'
import { type CheckedOptions, checkOptions, type OutboundOptions } from './client-options.ts'
import { exchange, type RawReply } from './exchange.ts'
import { Gate } from './gate.ts'
import { mayHaveTakenEffect, type OutboundCode, outboundError } from './outbound-error.ts'
import {
  type AttemptEvent,
  type OutboundState,
  observeClient,
  tellOutbound,
} from './outbound-event.ts'
import { OutboundReply } from './outbound-reply.ts'
import { retryAfterMs } from './retry-after.ts'
import { RetryBudget } from './retry-budget.ts'
import {
  isIdempotent,
  type OutboundRoute,
  type Params,
  resolveRoute,
  type Target,
} from './route.ts'

/**
 * What a call takes over from its caller. The scope of a job or an action fits; the request and the
 * tenant, where they are known, are for what is told of the call.
 */
export type CallScope = Pick<Scope, 'deadline' | 'signal' | 'trace' | 'clock'> &
  Partial<Pick<Scope, 'requestId' | 'tenant'>>

/** One call: what it sends, and under which key. */
export interface CallOptions {
  readonly params?: Params
  readonly query?: Params
  /** Sent as JSON. */
  readonly body?: unknown
  /**
   * Sent as Idempotency-Key. It must be the same whenever the same thing is asked for again: made of
   * the id of what is paid for, not of the moment.
   */
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  /** For one attempt, in place of the client's. */
  readonly timeoutMs?: number
}

interface Call extends Target {
  readonly scope: CallScope
  readonly route: OutboundRoute
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
  readonly timeoutMs: number
  readonly repeatable: boolean
  readonly keyed: boolean
}

/** How an attempt ended: with a reply, whatever its status, or without one. */
type Outcome = { readonly reply: RawReply } | { readonly error: unknown }

/** Statuses that say "again", to whoever may. */
const RETRY_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504])
const TOO_MANY = 429
/** draft-ietf-httpapi-idempotency-key-header §2.6: the first request with this key still runs. */
const CONFLICT = 409
/** An idle connection is closed before the other side is likely to: a race lost is a call to repeat. */
const IDLE_MS = 4_000

/** Calls one dependency, each call with an end, retries within a budget, a breaker and bounds. */
export class OutboundClient {
  readonly #options: CheckedOptions
  readonly #agent: Agent
  readonly #gate: Gate
  readonly #budget: RetryBudget
  readonly #forget: () => void

  constructor(options: OutboundOptions) {
    const checked = checkOptions(options)
    const { name: client, base, concurrencyMax, waitingMax, breaker, retryBudget } = checked
    const { Agent } = base.protocol === 'https:' ? https : http
    this.#options = checked
    this.#agent = new Agent({ keepAlive: true, maxSockets: concurrencyMax, timeout: IDLE_MS })
    this.#budget = new RetryBudget(retryBudget)
    this.#gate = new Gate({
      breaker,
      concurrencyMax,
      waitingMax,
      isFailure: (error) => error instanceof Trouble,
      onBreaker: (state) => tellOutbound({ kind: 'breaker', client, state }),
    })
    this.#forget = observeClient(this)
  }

  /**
   * Resolves with the reply, whatever its status below 500 and but for 429. Rejects with an error of
   * HF_OUTBOUND_ (see `mayHaveTakenEffect`), or with the reason of the scope's signal.
   */
  async request(
    scope: CallScope,
    route: OutboundRoute,
    options: CallOptions = {},
  ): Promise<OutboundReply> {
    const call = this.#prepare(scope, route, options)
    this.#budget.deposit()
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt(call, attempt)
      const delayMs = this.#delayOf(call, attempt, outcome)
      if (delayMs === undefined) return this.#end(call, outcome)
      await pause(scope.clock, delayMs, scope.signal)
      if (scope.signal.aborted) throw scope.signal.reason
    }
  }

  state(): OutboundState {
    const { breaker, inFlight, waiting } = this.#gate
    const { tokens: retryTokens } = this.#budget
    return { client: this.#options.name, breaker, inFlight, waiting, retryTokens }
  }

  /** Ends its connections, those in use too. */
  close(): void {
    this.#forget()
    this.#agent.destroy()
  }

  #prepare(scope: CallScope, route: OutboundRoute, options: CallOptions): Call {
    const { name, base, timeoutMs } = this.#options
    const operation = transactionAround()
    if (operation !== undefined) {
      const message = `${operation} called ${name} inside its transaction.`
      const facts = { operation, target: base.host }
      throw new HoldfastError('HF_OUTBOUND_IN_TRANSACTION', message, { facts })
    }
    const target = resolveRoute(base, route, options.params, options.query)
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body))
    const keyed = options.key !== undefined
    return {
      ...target,
      scope,
      route,
      body,
      headers: headersOf(options, body),
      timeoutMs: options.timeoutMs ?? timeoutMs,
      keyed,
      repeatable: keyed || isIdempotent(target.method),
    }
  }

  async #attempt(call: Call, attempt: number): Promise<Outcome> {
    const { scope, route } = call
    try {
      scope.signal.throwIfAborted()
      const passed = await this.#gate.pass(() => this.#send(call, attempt), scope.signal)
      if (typeof passed === 'object') return { reply: passed }
      tellOutbound({ kind: 'refused', client: this.#options.name, route, reason: passed })
      return { error: this.#refusal(call, passed) }
    } catch (error) {
      if (!(error instanceof Trouble)) return { error }
      return error.outcome
    }
  }

  /** Trouble of the dependency is thrown, so that the breaker sees it. */
  async #send(call: Call, attempt: number): Promise<RawReply> {
    const { scope } = call
    const remainingMs = scope.deadline.remainingMs()
    if (remainingMs <= 0) throw new HoldfastError('HF_DEADLINE_EXCEEDED')
    const timeoutMs = Math.min(call.timeoutMs, remainingMs)
    const outcome = await this.#exchange(call, attempt, timeoutMs)
    // A caller that had little time left says nothing about who could not answer in it.
    const fair = timeoutMs >= call.timeoutMs / 2
    if (isTrouble(outcome) && fair) throw new Trouble(outcome)
    if ('error' in outcome) throw outcome.error
    return outcome.reply
  }

  async #exchange(call: Call, attempt: number, timeoutMs: number): Promise<Outcome> {
    const { scope, route, method, url, body } = call
    const { signal, clock } = scope
    const { name: client, replyBytesMax } = this.#options
    const span = scope.trace.span?.child(shapes.of(route), attributesOf(call, attempt))
    const trace = span?.trace ?? childTrace(scope.trace)
    const seen = { startedAtMs: clock.now(), startMs: clock.monotonicMs() }
    const end = (status: number | undefined, failure: AttemptEvent['failure']) => {
      const { startedAtMs, startMs } = seen
      const durationMs = clock.monotonicMs() - startMs
      const ended = { startedAtMs, durationMs, status, failure }
      tellOutbound({
        kind: 'attempt',
        client,
        route,
        method,
        host: url.host,
        attempt,
        trace,
        requestId: scope.requestId,
        tenant: scope.tenant,
        ...ended,
      })
      endSpan(span, status, failure)
    }
    try {
      const headers = { ...call.headers, ...contextHeaders(trace, timeoutMs) }
      const own = { client, route, headers, agent: this.#agent, timeoutMs, replyBytesMax }
      const reply = await exchange({ method, url, body, signal, clock, ...own })
      end(reply.status, undefined)
      return { reply }
    } catch (error) {
      end(undefined, codeOf(error))
      return { error }
    }
  }

  /** How long until the next attempt; undefined where there is none. */
  #delayOf(call: Call, attempt: number, outcome: Outcome): number | undefined {
    const { attemptsMax, backoff, name: client } = this.#options
    const { scope, route } = call
    if (attempt >= attemptsMax || scope.signal.aborted) return undefined
    if (!isRetryable(call, outcome)) return undefined
    const asked = 'reply' in outcome ? outcome.reply.headers['retry-after'] : undefined
    const delayMs = Math.max(backoffMs(backoff, attempt), retryAfterMs(asked, scope.clock) ?? 0)
    if (delayMs >= scope.deadline.remainingMs() || delayMs > RETRY_AFTER_MAX_MS) return undefined
    if (this.#budget.withdraw()) return delayMs
    tellOutbound({ kind: 'refused', client, route, reason: 'budget' })
    return undefined
  }

  #end(call: Call, outcome: Outcome): OutboundReply {
    if ('error' in outcome) throw outcome.error
    const { reply } = outcome
    const { name: client } = this.#options
    const { route } = call
    const { status } = reply
    if (status >= 500 || status === TOO_MANY) {
      const facts = {
        client,
        route,
        status,
        effect: status === TOO_MANY ? 'none' : 'unknown',
      } as const
      throw outboundError('HF_OUTBOUND_STATUS', facts, `answered ${status}`)
    }
    if (status >= 300 && status < 400 && status !== 304) {
      const facts = { client, route, status, effect: 'unknown' } as const
      throw outboundError('HF_OUTBOUND_REPLY', facts, `answered with a redirect (${status})`)
    }
    return new OutboundReply(reply, { client, route })
  }

  #refusal({ route }: Call, closed: 'open' | 'full'): HoldfastError {
    const { name: client, concurrencyMax, waitingMax, breaker } = this.#options
    const facts = { client, route, effect: 'none' } as const
    if (closed === 'open') {
      return outboundError('HF_OUTBOUND_OPEN', facts, `not called for ${breaker.openMs} ms`)
    }
    const message = `${concurrencyMax} calls under way and ${waitingMax} waiting`
    return outboundError('HF_OUTBOUND_FULL', facts, message)
  }
}

/** A dependency that asks for more than this is not waited for by a call: a job comes back later. */
const RETRY_AFTER_MAX_MS = 30_000

class Trouble extends Error {
  readonly outcome: Outcome

  constructor(outcome: Outcome) {
    super('The dependency is in trouble.')
    this.outcome = outcome
  }
}

function isTrouble(outcome: Outcome): boolean {
  if ('reply' in outcome) return outcome.reply.status >= 500
  const code = codeOf(outcome.error)
  return code === 'HF_OUTBOUND_TIMEOUT' || code === 'HF_OUTBOUND_UNREACHABLE'
}

function isRetryable(call: Call, outcome: Outcome): boolean {
  if ('reply' in outcome) {
    const { status, headers } = outcome.reply
    const stillRuns = status === CONFLICT && call.keyed && headers['retry-after'] !== undefined
    return call.repeatable && (stillRuns || RETRY_STATUSES.has(status))
  }
  const code = codeOf(outcome.error)
  if (code !== 'HF_OUTBOUND_TIMEOUT' && code !== 'HF_OUTBOUND_UNREACHABLE') return false
  return call.repeatable || !mayHaveTakenEffect(outcome.error)
}

function codeOf(error: unknown): OutboundCode | 'cancelled' {
  const code = error instanceof HoldfastError ? error.code : ''
  return code.startsWith('HF_OUTBOUND_') ? (code as OutboundCode) : 'cancelled'
}

/** OpenTelemetry's semantic conventions of HTTP clients, 1.37: nothing of what is asked for. */
/** Routes are those of the contracts of clients; one that is put together at run time is not kept. */
const ROUTES_MAX = 1_000
const shapes = new Remembered(ROUTES_MAX, (name): SpanShape => ({ name, kind: 'client' }))

function attributesOf({ route, method, url }: Call, attempt: number): SpanAttributes {
  return {
    'http.request.method': method,
    'url.template': route.slice(route.indexOf(' ') + 1),
    'server.address': url.hostname,
    ...(url.port !== '' && { 'server.port': Number(url.port) }),
    ...(attempt > 1 && { 'http.request.resend_count': attempt - 1 }),
  }
}

function endSpan(
  span: TraceSpan | undefined,
  status: number | undefined,
  failure: AttemptEvent['failure'],
): void {
  if (status !== undefined) span?.set({ 'http.response.status_code': status })
  if (failure !== undefined) span?.fail(failure)
  else if (status !== undefined && status >= 400) span?.fail(String(status))
  span?.end()
}

function headersOf(options: CallOptions, body: Buffer | undefined): Record<string, string> {
  return {
    accept: 'application/json',
    'accept-encoding': 'identity',
    ...(body !== undefined && {
      'content-type': 'application/json',
      'content-length': String(body.length),
    }),
    // Bare: what the clients of payment providers send, and what their servers compare.
    ...(options.key !== undefined && { 'idempotency-key': options.key }),
    ...options.headers,
  }
}

/** Whoever is called knows the trace, and when to stop: nobody waits for it any longer. */
function contextHeaders(
  trace: { readonly traceparent: string; readonly tracestate?: string | undefined },
  timeoutMs: number,
): Record<string, string> {
  return {
    traceparent: trace.traceparent,
    ...(trace.tracestate !== undefined && { tracestate: trace.tracestate }),
    'request-timeout': (Math.max(1, Math.floor(timeoutMs)) / 1000).toFixed(3),
  }
}

/** `outbound.client({ name, baseUrl })`, one for each dependency; a service of a module. */
export const outbound = {
  client: (options: OutboundOptions): OutboundClient => new OutboundClient(options),
}
