/** The API port: operations, health, and the description of the operations. */
import { optionError } from '../../base/bounds.ts'
import type { Clock } from '../../base/clock.ts'
import type { CommandContract } from '../../operation/contract.ts'
import { builtinProblem } from '../../operation/problem.ts'
import type { Registry } from '../../operation/registered.ts'
import type { HttpConfig } from '../../runtime/config.ts'
import type { Health } from '../../runtime/health.ts'
import type { Log } from '../../runtime/log.ts'
import { createTelemetry, type Telemetry } from '../../runtime/telemetry/telemetry.ts'
import { bindRest } from '../rest/bind-rest.ts'
import type { Authenticate, Execute, Stage, VerifyRequest } from '../rest/operation-route.ts'
import { Admission } from './admission.ts'
import { corsFor } from './cors.ts'
import { healthRoutes } from './health-routes.ts'
import { HttpHost } from './host.ts'
import { HttpMetrics, readNumbers } from './metrics.ts'
import { plainRoute } from './plain-route.ts'
import { apiHeaders } from './security-headers.ts'

/** What the API port needs of an app; `startApp` puts it together. */
export interface HttpServerOptions {
  readonly registry: Registry
  readonly execute: Execute
  /** Needed where an operation takes a streamed input. */
  readonly stage?: Stage
  readonly authenticate: Authenticate
  /** Needed where an operation has callers that sign what they send. */
  readonly verify?: VerifyRequest
  readonly health: Health
  readonly log: Log
  readonly clock: Clock
  readonly config: HttpConfig
  /** OpenAPI 3.1 as JSON text, served at /openapi.json. */
  readonly description?: string
  /** Where requests are counted and told of; of its own by default. */
  readonly telemetry?: Telemetry
}

/** The API port of a process. */
export interface HttpServer {
  /** Raw routes for what is no operation are added here, before `listen`. */
  readonly host: HttpHost
  /** `http://127.0.0.1:3000` */
  listen(): Promise<string>
  /** From now on each reply ends its connection. */
  drain(): void
  /** No new connections; what is under way may end within `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>
  /** Prometheus lines. */
  metrics(): string[]
}

/** Each holds two chunks in memory and, now and then, a connection to the database. */
const STREAMS_MAX = 32

/** The API port, not yet listening. For whom `startApp` is too much. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { config, log, clock, telemetry = createTelemetry() } = options
  const metrics = new HttpMetrics(telemetry.metrics, config.behindTls ? 'https' : 'http')
  const headers = apiHeaders(config)
  const longestMs = longestOf(options.registry, config)
  const streamMs = longestStreamMs(options.registry)
  const receiveTimeoutMs = Math.max(config.receiveTimeoutMs, streamMs)
  const host = new HttpHost({
    limits: { ...config, receiveTimeoutMs },
    longestMs,
    headers,
    cors: corsFor(config.corsOrigins),
    log,
    clock,
    onRefused: (problem) => metrics.unrouted(problem),
  })
  const admission = new Admission(config.inFlightMax)
  const { execute, authenticate, verify = unverified } = options
  const stage = options.stage ?? noStage
  if (streamMs > 0 && stage === noStage) {
    throw optionError('createHttpServer', 'stage', 'is missing, and an operation takes a stream')
  }
  const shared = { host, admission, metrics, telemetry, limits: config, headers, log, clock }
  const streams = new Admission(STREAMS_MAX)
  const bodyTimeoutMs = streamMs === 0 ? undefined : config.receiveTimeoutMs
  bindRest(options.registry, {
    ...shared,
    execute,
    stage,
    authenticate,
    verify,
    streams,
    bodyTimeoutMs,
  })
  healthRoutes(host, options.health, headers, false)
  describe(host, headers, options.description)
  countConnections(telemetry, host, admission)
  return {
    host,
    listen: () => host.listen(config),
    drain: () => host.drain(),
    stop: (timeoutMs) => host.stop(timeoutMs),
    metrics: () => telemetry.metrics.lines(),
  }
}

const unverified: VerifyRequest = () => builtinProblem('unauthenticated')

function longestOf(registry: Registry, config: HttpConfig): number {
  const declared = [...registry.operations.values()].map(({ timeoutMs }) => timeoutMs ?? 0)
  return Math.max(config.requestTimeoutMaxMs, ...declared)
}

function noStage(): never {
  throw new TypeError('No operation takes a stream.')
}

/** 0 where no operation takes a stream. */
function longestStreamMs(registry: Registry): number {
  const commands = [...registry.operations.values()].filter(({ kind }) => kind === 'command')
  return Math.max(
    0,
    ...commands.map(
      ({ contract }) => (contract as CommandContract).streamed?.receiveTimeoutMs ?? 0,
    ),
  )
}

function describe(host: HttpHost, headers: readonly string[], description?: string): void {
  if (description === undefined) return
  const reply = { status: 200, contentType: 'application/json', body: description }
  plainRoute(host, '/openapi.json', headers, () => reply)
}

function countConnections({ metrics }: Telemetry, host: HttpHost, admission: Admission): void {
  readNumbers(metrics, {
    holdfast_http_connections: ['Open connections.', () => host.connections],
    holdfast_http_connections_dropped_total: [
      'Connections closed at once because there were too many.',
      () => host.dropped,
    ],
    http_server_active_requests: ['Requests under way.', () => admission.inFlight],
    holdfast_http_overload_refusals_total: [
      'Requests refused because too many were under way.',
      () => admission.refused,
    ],
    holdfast_http_unreadable_requests_total: [
      'Requests that are no HTTP, or did not arrive in time.',
      () => host.clientErrors.count,
    ],
  })
}
