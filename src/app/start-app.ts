/**
 * Starts an app: registry, database, services, loops, HTTP, in this order; stops them in the
 * reverse one. Everything that an app is made of is put together here and in `wire.ts`.
 */
import { createAuthenticator } from '../access/authenticate.ts'
import type { RoleTable } from '../access/role-table.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { HoldfastError } from '../base/fault.ts'
import type { Step } from '../database/batch.ts'
import type { Catalog } from '../database/catalog.ts'
import { createGuard } from '../database/guard.ts'
import { CursorSeal } from '../database/page.ts'
import { Pool } from '../database/pool.ts'
import type { AppDefinition } from '../operation/builder.ts'
import { missingIndexes } from '../operation/list-indexes.ts'
import { buildRegistry } from '../operation/registry.ts'
import type { OperationRuntime } from '../operation/runtime.ts'
import type { Config } from '../runtime/config.ts'
import { Health } from '../runtime/health.ts'
import { createLog, type Log } from '../runtime/log.ts'
import type { Loop } from '../runtime/loop.ts'
import { installOutboundGuard } from '../runtime/outbound-guard.ts'
import type { Credential } from '../runtime/scope.ts'
import { type ServiceDefinition, startServices } from '../runtime/service.ts'
import { Shutdown } from '../runtime/shutdown.ts'
import { type OpenTracing, openTracing } from '../runtime/telemetry/export-traces.ts'
import { observeProcess } from '../runtime/telemetry/process-metrics.ts'
import { createTelemetry, type Telemetry } from '../runtime/telemetry/telemetry.ts'
import { startedChannel } from '../runtime/telemetry/watch-work.ts'
import { CLAIM_WAIT_MS_DEFAULT, RETENTION_MS_DEFAULT } from '../state/idempotency/idempotency.ts'
import type { ApiInfo } from '../transport/rest/openapi.ts'
import { type AnonymousTenant, checkAnonymous } from './anonymous.ts'
import { backlogLoop } from './backlog.ts'
import { type Doors, openDoors } from './doors.ts'
import { observeOutbound, observePools, observeSpans } from './observe.ts'
import { DatabaseGate } from './prepare-database.ts'
import { migrationSources } from './sources.ts'
import { type Loops, wireLimiter, wireLoops } from './wire.ts'
import { WorkRecorder } from './work-recorder.ts'

/** How an app is started. `config` comes from `loadConfig(process.env)`. */
export interface StartOptions {
  readonly config: Config
  /** What this process does. Default: both. */
  readonly does?: readonly ('api' | 'loops')[]
  /** What the roles that API keys carry stand for. */
  readonly roles?: RoleTable
  /**
   * Whose callers are who show no credential: one tenant, or by what their request says. Needed where a
   * command lets `anyone` in.
   */
  readonly anonymousTenant?: AnonymousTenant
  /** Ready-made services that stand in for those of the same name: for tests. */
  readonly services?: Readonly<Record<string, unknown>>
  /** How the description and the documentation name the API. Default: `API`, version 1. */
  readonly api?: ApiInfo
  readonly log?: Log
  readonly clock?: Clock
  /** Walks inside every batch of the API: for crash tests and explorers. */
  readonly step?: Step
  /** Ends the process after a shutdown. Default: `process.exit` once `shutdown.install` was called. */
  readonly exit?: (code: number) => void
}

/** An app that runs: its addresses, its loops, and the way to stop it. */
export interface RunningApp {
  /** `http://127.0.0.1:3000`; undefined where this process does not serve. */
  readonly apiUrl: string | undefined
  readonly adminUrl: string
  readonly runtime: OperationRuntime
  readonly loops: Loops
  readonly health: Health
  readonly telemetry: Telemetry
  /** Signals and failures are listened to once `install` is called on it. */
  readonly shutdown: Shutdown
  /** Drains and ends everything; the process goes on, unless `shutdown.install` was called. */
  stop(): Promise<void>
}

/** The loops' own connections: a burst of requests must not keep them from renewing leases. */
const LOOP_CONNECTIONS_MAX = 6

export async function startApp(app: AppDefinition, asked: StartOptions): Promise<RunningApp> {
  const { config, clock = systemClock, log = createLog(config.log) } = asked
  const options = { ...asked, clock, log }
  const spans = await openTracing({ config: config.telemetry, clock, log })
  const parts = await assembled(app, options, spans)
  const { gate, shutdown } = parts
  try {
    const catalog = await gate.look()
    const told = catalog === null ? undefined : tellMissingIndexes(parts)
    if (catalog !== null) await useCatalog(parts, catalog)
    const services = await startServices(serviceOptions(app, parts, options))
    const running = await open(parts, services.services, options).catch(async (error) => {
      await services.stop()
      throw error
    })
    shutdown.add({ name: 'services', timeoutMs: 5_000, stop: () => services.stop() })
    addPools(parts)
    shutdown.add({ name: 'traces', timeoutMs: 3_000, stop: () => spans.stop() })
    if (catalog === null) awaitDatabase(parts, running.loops)
    else running.loops.start()
    await told
    startedChannel.publish({ apiUrl: running.apiUrl, adminUrl: running.adminUrl })
    return running
  } catch (error) {
    // Whoever started it tells it, with what to do next.
    await Promise.all([closePools(parts), spans.stop()])
    throw error
  }
}

/** In development the guard's grammar is waited for: the first request is held to all of it. */
async function useCatalog({ guard, config }: Parts, catalog: Catalog): Promise<void> {
  guard.use(catalog)
  if (config.environment !== 'production') await guard.ready
}

/** Lists without their index work, a little slower each day: told, and no reason not to start. */
async function tellMissingIndexes({ registry, pool, log }: Parts): Promise<void> {
  try {
    for (const finding of await missingIndexes(registry, pool)) log.warn({}, finding)
  } catch (error) {
    log.warn({ error }, 'Whether the lists have their indexes could not be looked up.')
  }
}

type Parts = ReturnType<typeof assemble>
type Settled = StartOptions & { readonly clock: Clock; readonly log: Log }

/** An app that is put together wrongly must not leave the thread of the exporter behind. */
async function assembled(app: AppDefinition, options: Settled, spans: OpenTracing): Promise<Parts> {
  try {
    const parts = assemble(app, options, createTelemetry(spans.tracing))
    observeSpans(parts.telemetry.metrics, spans.queue)
    return parts
  } catch (error) {
    await spans.stop()
    throw error
  }
}

function assemble(app: AppDefinition, options: Settled, telemetry: Telemetry) {
  const { config, clock, log } = options
  const registry = buildRegistry(app, [], cursorSeal(config))
  checkAnonymous(registry, options.anonymousTenant)
  const url = databaseUrl(config)
  const directUrl = config.database.directUrl?.reveal() ?? url
  const { connectionsMax } = config.database
  const pool = new Pool({
    url,
    connectionsMax,
    clock,
    applicationName: 'holdfast api',
    step: options.step,
  })
  const loopPool = new Pool({
    url,
    connectionsMax: LOOP_CONNECTIONS_MAX,
    clock,
    applicationName: 'holdfast loops',
  })
  const sources = migrationSources(registry)
  const gate = new DatabaseGate({ pool, directUrl, sources, clock, log })
  const health = new Health(clock)
  const exit = options.exit ?? ((code: number) => exitIfInstalled(shutdown, code))
  const shutdown = new Shutdown({ log, clock, exit })
  const mode = config.environment === 'production' ? 'production' : 'development'
  const guard = createGuard({ mode, onNotice: (notice: string) => log.warn({}, notice) })
  const { metrics } = telemetry
  const limiter = wireLimiter({ registry, loopPool, clock, log, metrics })
  observePools(metrics, { api: pool, loops: loopPool })
  const own = { registry, pool, loopPool, gate, health, shutdown, guard, limiter }
  return { config, clock, log, telemetry, directUrl, ...own }
}

/** A timer or a connection of the app's own would keep a process that answers nobody any more. */
function exitIfInstalled(shutdown: Shutdown, code: number): void {
  if (shutdown.installed) process.exit(code)
}

/** Without a secret, in development, cursors are good until this process ends. */
function cursorSeal(config: Config): CursorSeal {
  const secret = config.signingSecret
  return secret === undefined ? CursorSeal.random() : new CursorSeal([secret.reveal()])
}

function databaseUrl(config: Config): string {
  const url = config.database.url?.reveal()
  if (url !== undefined) return url
  throw new HoldfastError('HF_CONFIG_INVALID', 'DATABASE_URL is missing.')
}

function serviceOptions(app: AppDefinition, parts: Parts, options: StartOptions) {
  const definitions = new Map<string, ServiceDefinition>()
  for (const module of parts.registry.modules.values()) addAll(definitions, module.services)
  addAll(definitions, app.services)
  const { config, log } = parts
  return { definitions, context: { config, log }, replace: options.services ?? {} }
}

function addAll(into: Map<string, ServiceDefinition>, from: object): void {
  for (const [name, service] of Object.entries(from)) into.set(name, service as ServiceDefinition)
}

async function open(
  parts: Parts,
  services: Readonly<Record<string, unknown>>,
  options: StartOptions,
): Promise<RunningApp> {
  installOutboundGuard()
  const { clock, log, pool, registry, guard, limiter, health, shutdown, telemetry } = parts
  const does = options.does ?? ['api', 'loops']
  const authenticator = createAuthenticator({
    pool: parts.loopPool,
    clock,
    log,
    ...(options.roles && { roles: options.roles }),
  })
  const credentialRefused = (credential: Credential) => authenticator.forget(credential)
  const shared = { registry, services, clock, log, guard, limiter: limiter.limiter, ...SETTINGS }
  const wake = (what: { events: boolean; jobs: boolean }) => loops.wake(what)
  const stacks = parts.config.environment !== 'production'
  const runtime: OperationRuntime = { ...shared, pool, credentialRefused, wake, stacks }
  const loops = wireLoops({
    runtime: { ...runtime, pool: parts.loopPool },
    processing: does.includes('loops'),
    background: [authenticator.loop, ...limiter.loops, ...backlogLoops(parts, does)],
    recorder: new WorkRecorder({ telemetry, log, clock }),
  })
  // Before the first request: a subscription that begins with now must not miss its event.
  if (parts.gate.state.state === 'ready') await loops.register()
  const doors = await openDoors({
    ...parts,
    api: options.api,
    anonymousTenant: options.anonymousTenant,
    runtime,
    authenticator,
    serving: does.includes('api'),
  })
  addStops(parts, doors, loops)
  const stopObserving = observeProcess(telemetry.metrics, clock)
  shutdown.add({ name: 'process metrics', timeoutMs: 1_000, stop: stopObserving })
  const stopOutbound = observeOutbound(telemetry.metrics, telemetry.recent)
  shutdown.add({ name: 'outbound metrics', timeoutMs: 1_000, stop: stopOutbound })
  registerChecks(parts, loops)
  const { apiUrl, adminUrl } = doors
  const stop = () => shutdown.stop('stop')
  return { apiUrl, adminUrl, runtime, loops, health, telemetry, shutdown, stop }
}

/** Whoever works on events and jobs tells how many wait. */
function backlogLoops(parts: Parts, does: readonly string[]): readonly Loop[] {
  const { registry, loopPool: pool, clock, log, telemetry } = parts
  if (!does.includes('loops')) return []
  return [backlogLoop({ registry, pool, clock, log, metrics: telemetry.metrics })]
}

const SETTINGS = {
  idempotency: { retentionMs: RETENTION_MS_DEFAULT, waitMs: CLAIM_WAIT_MS_DEFAULT },
} as const

function addStops(parts: Parts, doors: Doors, loops: Loops): void {
  const { shutdown, health, config, gate } = parts
  const { leadMs, drainMs } = config.shutdown
  const step = (name: string, timeoutMs: number, stop: () => void | Promise<void>) =>
    shutdown.add({ name, timeoutMs, stop })
  step('readiness', leadMs + 1_000, () => doors.announce(health, leadMs))
  step('http', drainMs + 1_000, () => doors.stopApi(drainMs))
  step('loops', drainMs + 1_000, () => loops.stop())
  step('database gate', 5_000, () => gate.stop())
  step('admin', 2_000, () => doors.stopAdmin())
}

function addPools(parts: Parts): void {
  parts.shutdown.add({ name: 'database', timeoutMs: 5_000, stop: () => closePools(parts) })
}

async function closePools(parts: Parts): Promise<void> {
  await Promise.all([parts.pool.close(), parts.loopPool.close()])
}

function registerChecks(parts: Parts, loops: Loops): void {
  const { health, gate, pool } = parts
  health.register({
    name: 'postgres:connection',
    componentType: 'datastore',
    async check() {
      if (gate.state.state !== 'ready') return { status: 'fail', output: 'not prepared' }
      await pool.run([{ text: 'SELECT 1', values: [] }])
      return { status: 'pass' }
    },
  })
  health.register({ name: 'holdfast:loops', check: () => loops.check() })
}

/** Up, and not ready: requests fail fast with 503 until the database is there. */
function awaitDatabase(parts: Parts, loops: Loops): void {
  const { gate, guard, log, shutdown } = parts
  log.warn({ reason: gate.state }, 'The database is away; looking again until it is there.')
  gate.keepLooking(
    (catalog) => {
      guard.use(catalog)
      loops.start()
      void tellMissingIndexes(parts)
    },
    (error) => {
      log.error({ error }, 'The database cannot be used as it is.')
      void shutdown.stop('database', 1)
    },
  )
}
