/**
 * The admin port: documentation, description, health in detail, metrics; later the console. It is
 * for those who run the service, on the loopback unless it is told otherwise.
 */
import type { Clock } from '../../base/clock.ts'
import { builtinProblem } from '../../operation/problem.ts'
import type { HttpConfig } from '../../runtime/config.ts'
import { EventLoopCheck, type Health } from '../../runtime/health.ts'
import type { Log } from '../../runtime/log.ts'
import type { Telemetry } from '../../runtime/telemetry/telemetry.ts'
import { docsPage } from '../rest/docs-page.ts'
import type { OpenApi } from '../rest/openapi.ts'
import { corsOff } from './cors.ts'
import { healthRoutes } from './health-routes.ts'
import { HttpHost } from './host.ts'
import { plainRoute } from './plain-route.ts'
import { apiHeaders, pageHeaders } from './security-headers.ts'

export interface AdminServerOptions {
  readonly config: { readonly host: string; readonly port: number }
  readonly limits: HttpConfig
  readonly health: Health
  readonly api: OpenApi
  /** Where the API listens; asked when a page is made, because a free port is known late. */
  readonly apiUrl: () => string
  readonly telemetry: Telemetry
  readonly log: Log
  readonly clock: Clock
}

export interface AdminServer {
  /** More routes, such as the console, are added here before `listen`. */
  readonly host: HttpHost
  listen(): Promise<string>
  stop(timeoutMs: number): Promise<void>
}

export function createAdminServer(options: AdminServerOptions): AdminServer {
  const { log, clock, limits, config } = options
  const headers = apiHeaders({ behindTls: false })
  const host = new HttpHost({
    limits,
    longestMs: limits.requestTimeoutMaxMs,
    headers,
    cors: corsOff,
    log,
    clock,
  })
  guardHost(host, config.host)
  healthRoutes(host, options.health, headers, true)
  adminRoutes(host, headers, options)
  // Each process has one admin port: what is checked of the process as such starts and ends with it.
  const eventLoop = new EventLoopCheck()
  options.health.register(eventLoop)
  return {
    host,
    listen() {
      eventLoop.start()
      return host.listen(config)
    },
    stop(timeoutMs) {
      eventLoop.stop()
      return host.stop(timeoutMs)
    },
  }
}

function adminRoutes(
  host: HttpHost,
  headers: readonly string[],
  options: AdminServerOptions,
): void {
  const description = JSON.stringify(options.api)
  const page = () => ({
    status: 200,
    contentType: 'text/html; charset=utf-8',
    headers: pageHeaders,
    body: docsPage(options.api, options.apiUrl()),
  })
  plainRoute(host, '/', headers, page)
  plainRoute(host, '/docs', headers, page)
  plainRoute(host, '/openapi.json', headers, () => ({
    status: 200,
    contentType: 'application/json',
    body: description,
  }))
  plainRoute(host, '/metrics', headers, () => ({
    status: 200,
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    body: `${options.telemetry.metrics.lines().join('\n')}\n`,
  }))
  recentRoute(host, options)
}

/** What this process remembers of a request: for `holdfast trace`. */
function recentRoute(host: HttpHost, { telemetry }: AdminServerOptions): void {
  host.app.get<{ Params: { requestId: string } }>('/recent/:requestId', (request, reply) => {
    void reply.header('content-type', 'application/json')
    void reply.send(JSON.stringify(telemetry.recent.of(request.params.requestId)))
  })
}

const ADDRESS = /^(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/i

/**
 * A web page can make its own name resolve to the loopback and read what it finds there (DNS
 * rebinding): only addresses, `localhost` and the configured name are answered.
 */
function guardHost(host: HttpHost, configured: string): void {
  host.app.addHook('onRequest', (request, reply, done) => {
    const name = (request.raw.headers.host ?? '').replace(/:\d*$/, '')
    if (name === configured || name === '' || ADDRESS.test(name)) {
      done()
      return
    }
    reply.hijack()
    host.refuse(request.raw, reply.raw, builtinProblem('forbidden'))
  })
}
