/** The heavy half of a test app: loaded when one is started. */
import { createApiKey, type IssuedKey } from '../access/api-key/api-key.ts'
import { migrationSources } from '../app/sources.ts'
import { type RunningApp, startApp } from '../app/start-app.ts'
import { runAsLoops } from '../database/as-loops.ts'
import { contextStatement } from '../database/context.ts'
import { migrate } from '../database/migrate/migrate.ts'
import { Pool } from '../database/pool.ts'
import type { Statement } from '../database/statement.ts'
import type { AppDefinition } from '../operation/builder.ts'
import { buildRegistry } from '../operation/registry.ts'
import { loadConfig } from '../runtime/config.ts'
import type { TcpProxy } from './tcp-proxy.ts'
import type { CallerOptions, TestAppOptions } from './test-app.ts'
import type { TestClock } from './test-clock.ts'
import type { TestDatabase } from './test-database.ts'
import { testLog } from './test-log.ts'

interface StartFacts extends TestAppOptions {
  readonly database: TestDatabase
  readonly faults: TcpProxy
  readonly clock: TestClock
}

const OWN_CONNECTIONS = 2

export async function startTestApp(app: AppDefinition, facts: StartFacts) {
  const { database, services, roles, clock } = facts
  const log = testLog()
  await migrate({ url: database.url, sources: migrationSources(buildRegistry(app)) })
  const running = await startApp(app, {
    config: configOf(facts),
    log,
    clock,
    ...(services && { services }),
    ...(roles && { roles }),
  })
  if (facts.loops !== 'running') await running.loops.stop()
  // Past the proxy: what a test asks is never cut.
  const pool = new Pool({ url: database.url, connectionsMax: OWN_CONNECTIONS })
  const inTenant = <Row>(tenant: string, statement: Statement) =>
    askInTenant<Row>(pool, tenant, statement)
  return {
    running,
    log,
    inTenant,
    settle: () => settle(running),
    async stop() {
      await running.stop()
      await pool.close()
    },
    makeDue: () => makeDue(pool),
    issueKey: (tenant: string, options: CallerOptions): Promise<IssuedKey> =>
      createApiKey(
        { query: <Row>(statement: Statement) => inTenant<Row>(tenant, statement) },
        { name: 'test', environment: 'test', ...options },
      ),
  }
}

function configOf({ database, faults, env }: StartFacts) {
  return loadConfig({
    HOLDFAST_ENV: 'test',
    DATABASE_URL: faults.url,
    DATABASE_DIRECT_URL: database.url,
    PORT: '0',
    ADMIN_PORT: '0',
    ...env,
  })
}

/** A chain of events and jobs that is longer than this has no end. */
const PASSES_MAX = 1_000

async function settle({ loops, telemetry }: RunningApp): Promise<void> {
  const working = loops.all.filter(({ name }) => name === 'relay' || name === 'worker')
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const { count } = telemetry.recent
    for (const loop of working) while ((await loop.runOnce()) === 'again');
    if (telemetry.recent.count === count) return
  }
  throw new Error(`Events and jobs bring about new ones without an end: ${PASSES_MAX} passes.`)
}

const DUE_NOW: readonly Statement[] = [
  { text: 'UPDATE holdfast.jobs SET run_at = clock_timestamp() WHERE run_at > now()', values: [] },
  {
    text: 'UPDATE holdfast.parked_events SET next_at = clock_timestamp() WHERE dead_at IS NULL',
    values: [],
  },
]

function makeDue(pool: Pool): Promise<unknown> {
  return runAsLoops(pool, ...DUE_NOW)
}

/** Far above what a loaded machine needs. */
const TIMEOUT_MS = 20_000

async function askInTenant<Row>(pool: Pool, tenant: string, statement: Statement): Promise<Row[]> {
  const context = contextStatement({
    role: 'holdfast_app',
    tenant,
    actor: 'test',
    remainingMs: TIMEOUT_MS,
    lockTimeoutMs: TIMEOUT_MS,
    purpose: 'write',
  })
  const results = await pool.run([context, statement])
  return (results[1]?.rows ?? []) as Row[]
}
