/** One request of a scenario, over the pool of its command. */
import type pg from 'pg'
import { migrationSources } from '../../app/sources.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { migrate } from '../../database/migrate/migrate.ts'
import type { AppDefinition } from '../../operation/builder.ts'
import type { Reply } from '../../operation/reply.ts'
import { type Log, type LogFields, silentLog } from '../../runtime/log.ts'
import { registryOf } from './app-registry.ts'
import { openApp } from './open-app.ts'
import type { ScenarioCall } from './scenario.ts'
import type { SteppedPool } from './stepped-connections.ts'

export async function migrateApp(app: AppDefinition, url: string): Promise<void> {
  await migrate({ url, sources: migrationSources(registryOf(app)) })
}

/** Time is that of the command in its schedule: it passes when the schedule says so. */
export const raceClock: Clock = { ...systemClock, monotonicMs: () => systemClock.now() }

export async function runCall(
  app: AppDefinition,
  { operation, input, asking }: ScenarioCall,
  db: pg.Pool,
  services: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const log = new FailureLog()
  const pool = db as unknown as SteppedPool
  const opened = openApp({ app, pool, clock: raceClock, log, services })
  return told(await opened.execute(operation, input, asking), log)
}

/** What a caller can tell apart. A bug, or giving up, is a failure. */
function told(reply: Reply, log: FailureLog): unknown {
  const { status, headers, body, contentType } = reply
  if (status === 500 && log.failure !== undefined) throw log.failure
  if (status === 503) throw new GaveUp(body)
  const { etag, location } = headers
  const value: unknown = /json/.test(contentType) && body !== '' ? JSON.parse(body) : body
  return { status, body: value, ...(etag && { etag }), ...(location && { location }) }
}

/** The framework has tried again as often as it does, and tells its caller to. */
class GaveUp extends Error {
  readonly code = '40001'
  readonly severity = 'ERROR'

  constructor(body: string) {
    super(`503: ${body}`)
    this.name = 'GaveUp'
  }
}

/** Keeps what was logged as a bug. */
class FailureLog implements Log {
  failure: unknown
  readonly debug = silentLog.debug
  readonly info = silentLog.info
  readonly warn = silentLog.warn

  error({ error }: LogFields): void {
    this.failure ??= error
  }

  with(): Log {
    return this
  }
}
