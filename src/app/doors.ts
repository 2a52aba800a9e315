/** The two ports of a process: the API for callers, the admin port for those who run it. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Authenticator } from '../access/authenticate.ts'
import { type Clock, pause } from '../base/clock.ts'
import { HoldfastError } from '../base/fault.ts'
import { execute } from '../operation/execute.ts'
import { expectedProblem } from '../operation/failure.ts'
import { builtinProblem, type ProblemError } from '../operation/problem.ts'
import type { Registry } from '../operation/registered.ts'
import type { OperationRuntime } from '../operation/runtime.ts'
import { verifySigned } from '../operation/signed-request.ts'
import { stageBody } from '../operation/stage-body.ts'
import type { Config } from '../runtime/config.ts'
import type { Health } from '../runtime/health.ts'
import type { Log } from '../runtime/log.ts'
import type { Telemetry } from '../runtime/telemetry/telemetry.ts'
import { type AdminServer, createAdminServer } from '../transport/http/admin-server.ts'
import { createHttpServer, type HttpServer } from '../transport/http/server.ts'
import { type ApiInfo, openApi } from '../transport/rest/openapi.ts'
import type { Authentication } from '../transport/rest/operation-route.ts'
import { type AnonymousTenant, nobody } from './anonymous.ts'

export interface DoorOptions {
  readonly config: Config
  readonly registry: Registry
  readonly runtime: OperationRuntime
  readonly authenticator: Authenticator
  readonly health: Health
  readonly telemetry: Telemetry
  readonly log: Log
  readonly clock: Clock
  readonly serving: boolean
  readonly api?: ApiInfo | undefined
  readonly anonymousTenant?: AnonymousTenant | undefined
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

/** Of an app that does not say how it is called. */
const API: ApiInfo = { title: 'API', version: '1' }

export async function openDoors(options: DoorOptions): Promise<Doors> {
  const { config, registry, clock } = options
  const api = openApi(registry, options.api ?? API)
  const server = options.serving ? apiServer(options, JSON.stringify(api)) : undefined
  const apiUrl = await (server && listening(server, 'PORT'))
  const admin = createAdminServer({
    ...options,
    config: config.admin,
    limits: config.http,
    api,
    apiUrl: () => config.http.publicUrl ?? apiUrl ?? '',
  })
  const adminUrl = await listening(admin, 'ADMIN_PORT')
  return { apiUrl, adminUrl, ...stops(server, admin, clock) }
}

async function listening(server: { listen(): Promise<string> }, variable: string): Promise<string> {
  try {
    return await server.listen()
  } catch (error) {
    const { code, address, port } = error as { code?: string; address?: string; port?: number }
    if (code !== 'EADDRINUSE') throw error
    const message = `Another program listens on ${address}:${port}. Stop it, or set ${variable}.`
    throw new HoldfastError('HF_CONFIG_INVALID', message, { cause: error })
  }
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
  const { registry, runtime, health, log, clock, config, telemetry } = options
  return createHttpServer({
    registry,
    execute: (operation, request) => execute(runtime, operation, request),
    stage: (command, request) => stageBody(runtime, command, request),
    authenticate: (text, _operation, headers) => authenticate(options, text, headers),
    verify: (operation, { headers, body }) => {
      const { services } = runtime
      return verifySigned(operation, { headers, body, nowMs: clock.now(), services })
    },
    health,
    log,
    clock,
    config: config.http,
    description,
    telemetry,
  })
}

function authenticate(
  { authenticator, anonymousTenant }: DoorOptions,
  text: string | undefined,
  headers: IncomingHttpHeaders,
): Authentication | ProblemError | Promise<Authentication | ProblemError> {
  if (text === undefined) return { principal: nobody(anonymousTenant, headers) }
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
