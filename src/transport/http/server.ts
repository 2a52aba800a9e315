/** The API port: operations, health, and the description of the operations. */
import type { Clock } from '../../base/clock.ts'
import type { Registry } from '../../operation/registered.ts'
import type { HttpConfig } from '../../runtime/config.ts'
import type { Health } from '../../runtime/health.ts'
import type { Log } from '../../runtime/log.ts'
import { bindRest } from '../rest/bind-rest.ts'
import type { Authenticate, Execute } from '../rest/operation-route.ts'
import { Admission } from './admission.ts'
import { corsFor } from './cors.ts'
import { healthRoutes } from './health-routes.ts'
import { HttpHost } from './host.ts'
import { HttpMetrics, numberLines } from './metrics.ts'
import { plainRoute } from './plain-route.ts'
import { apiHeaders } from './security-headers.ts'

export interface HttpServerOptions {
  readonly registry: Registry
  readonly execute: Execute
  readonly authenticate: Authenticate
  readonly health: Health
  readonly log: Log
  readonly clock: Clock
  readonly config: HttpConfig
  /** OpenAPI 3.1 as JSON text, served at /openapi.json. */
  readonly description?: string
}

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

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { config, log, clock } = options
  const headers = apiHeaders(config)
  const longestMs = longestOf(options.registry, config)
  const host = new HttpHost({
    limits: config,
    longestMs,
    headers,
    cors: corsFor(config.corsOrigins),
    log,
    clock,
  })
  const admission = new Admission(config.inFlightMax)
  const metrics = new HttpMetrics()
  const { execute, authenticate } = options
  const shared = { host, admission, metrics, limits: config, headers, log, clock }
  bindRest(options.registry, { ...shared, execute, authenticate })
  healthRoutes(host, options.health, headers, false)
  describe(host, headers, options.description)
  return {
    host,
    listen: () => host.listen(config),
    drain: () => host.drain(),
    stop: (timeoutMs) => host.stop(timeoutMs),
    metrics: () => [...metrics.lines(), ...numbers(host, admission)],
  }
}

function longestOf(registry: Registry, config: HttpConfig): number {
  const declared = [...registry.operations.values()].map(({ timeoutMs }) => timeoutMs ?? 0)
  return Math.max(config.requestTimeoutMaxMs, ...declared)
}

function describe(host: HttpHost, headers: readonly string[], description?: string): void {
  if (description === undefined) return
  const reply = { status: 200, contentType: 'application/json', body: description }
  plainRoute(host, '/openapi.json', headers, () => reply)
}

function numbers(host: HttpHost, admission: Admission): string[] {
  return numberLines('holdfast_http', {
    connections: host.connections,
    connectionsDroppedTotal: host.dropped,
    inFlight: admission.inFlight,
    refusedTotal: admission.refused,
    unreadableRequestsTotal: host.clientErrors.count,
  })
}
