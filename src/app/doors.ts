/** The two ports of a process: the API for callers, the admin port for those who run it. */
import type { Authenticator } from '../access/authenticate.ts'
import { type Clock, pause } from '../base/clock.ts'
import { anonymousPrincipal } from '../base/principal.ts'
import type { Pool } from '../database/pool.ts'
import { execute } from '../operation/execute.ts'
import { expectedProblem } from '../operation/failure.ts'
import { builtinProblem, type ProblemError } from '../operation/problem.ts'
import type { RegisteredOperation, Registry } from '../operation/registered.ts'
import type { OperationRuntime } from '../operation/runtime.ts'
import type { Config } from '../runtime/config.ts'
import type { Health } from '../runtime/health.ts'
import type { Log } from '../runtime/log.ts'
import { type AdminServer, createAdminServer } from '../transport/http/admin-server.ts'
import { createHttpServer, type HttpServer } from '../transport/http/server.ts'
import { openApi } from '../transport/rest/openapi.ts'
import type { Authentication } from '../transport/rest/operation-route.ts'

export interface DoorOptions {
  readonly config: Config
  readonly registry: Registry
  readonly runtime: OperationRuntime
  readonly authenticator: Authenticator
  readonly health: Health
  readonly pool: Pool
  readonly loopPool: Pool
  readonly log: Log
  readonly clock: Clock
  readonly serving: boolean
}

export interface Doors {
  readonly apiUrl: string | undefined
  readonly adminUrl: string
  /** Readiness fails now; connections are refused only after `leadMs`. */
  announce(health: Health, leadMs: number): Promise<void>
  stopApi(drainMs: number): Promise<void>
  stopAdmin(): Promise<void>
}

const ADMIN_STOP_MS = 1_000

export async function openDoors(options: DoorOptions): Promise<Doors> {
  const { config, registry, clock } = options
  const api = openApi(registry, { title: 'API', version: '1' })
  const server = options.serving ? apiServer(options, JSON.stringify(api)) : undefined
  const apiUrl = await server?.listen()
  const admin = createAdminServer({
    ...options,
    config: config.admin,
    limits: config.http,
    api,
    apiUrl: () => config.http.publicUrl ?? apiUrl ?? '',
    metrics: () => [...(server?.metrics() ?? []), ...poolLines(options)],
  })
  const adminUrl = await admin.listen()
  return { apiUrl, adminUrl, ...stops(server, admin, clock) }
}

function stops(server: HttpServer | undefined, admin: AdminServer, clock: Clock) {
  return {
    async announce(health: Health, leadMs: number) {
      health.drain()
      server?.drain()
      if (leadMs > 0) await pause(clock, leadMs)
    },
    stopApi: async (drainMs: number) => server?.stop(drainMs),
    stopAdmin: () => admin.stop(ADMIN_STOP_MS),
  }
}

function apiServer(options: DoorOptions, description: string): HttpServer {
  const { registry, runtime, authenticator, health, log, clock, config } = options
  return createHttpServer({
    registry,
    execute: (operation, request) => execute(runtime, operation, request),
    authenticate: (text, operation) => authenticate(authenticator, text, operation),
    health,
    log,
    clock,
    config: config.http,
    description,
  })
}

/** Without a credential one is nobody, of no tenant; the rule of the operation decides about that. */
const NOBODY: Authentication = { principal: anonymousPrincipal('') }

function authenticate(
  authenticator: Authenticator,
  text: string | undefined,
  _operation: RegisteredOperation,
): Authentication | ProblemError | Promise<Authentication | ProblemError> {
  if (text === undefined) return NOBODY
  const found = authenticator.authenticate(text)
  return found instanceof Promise ? found.then(answer, unanswered) : answer(found)
}

/** The database could not be asked who it is: that is no bug, and no 401 either. */
function unanswered(error: unknown): ProblemError {
  const problem = expectedProblem(error)
  if (problem === undefined) throw error
  return problem
}

function answer(found: Awaited<ReturnType<Authenticator['authenticate']>>) {
  if (found.ok) return found
  return builtinProblem('unauthenticated', {
    detail: found.detail,
    headers: { 'www-authenticate': found.challenge },
  })
}

function poolLines({ pool, loopPool }: DoorOptions): string[] {
  return [...gauges('api', pool), ...gauges('loops', loopPool)]
}

function gauges(name: string, pool: Pool): string[] {
  return Object.entries(pool.metrics()).map(([metric, value]) => {
    const snake = metric.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    return `holdfast_pool_${snake}{pool="${name}"} ${value}`
  })
}
