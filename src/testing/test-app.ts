/**
 * An app under test: the real app on a database of its own, behind real HTTP. Nothing happens by
 * itself: events and jobs wait until the test says `settle`.
 */
import type { RoleTable } from '../access/role-table.ts'
import type { RunningApp } from '../app/start-app.ts'
import type { Statement } from '../database/statement.ts'
import type { AppDefinition } from '../operation/builder.ts'
import { TcpProxy } from './tcp-proxy.ts'
import { TestCaller } from './test-caller.ts'
import { runningClock, type TestClock } from './test-clock.ts'
import { type TestDatabase, type TestDatabaseOptions, testDatabase } from './test-database.ts'
import type { TestLog } from './test-log.ts'

/** What of the app is replaced in a test. */
export interface TestAppOptions extends TestDatabaseOptions {
  /** What the roles of callers stand for. */
  readonly roles?: RoleTable
  /** Ready-made services in place of those of the same name. */
  readonly services?: Readonly<Record<string, unknown>>
  /** The time of the process; that of the database goes on. A `runningClock()` by default. */
  readonly clock?: TestClock
  /** Further settings, as they would stand in the environment. */
  readonly env?: Readonly<Record<string, string>>
  /** `running`: events and jobs are worked on at once, as in production. Default: `manual`. */
  readonly loops?: 'manual' | 'running'
}

/** What the key of a caller may. */
export interface CallerOptions {
  readonly permissions?: readonly string[]
  readonly roles?: readonly string[]
}

/** An app that runs for a test, on a database of its own. */
export interface TestApp extends AsyncDisposable {
  /** `http://127.0.0.1:…` */
  readonly apiUrl: string
  readonly adminUrl: string
  readonly running: RunningApp
  readonly database: TestDatabase
  readonly log: TestLog
  readonly clock: TestClock
  /** Between the app and its database: counts round trips, cuts and holds the way. */
  readonly faults: TcpProxy
  /** A new API key of the tenant. */
  caller(tenant: string, options: CallerOptions): Promise<TestCaller>
  /** Works on events and jobs until nothing more is due, whatever they bring about included. */
  settle(): Promise<void>
  /** Makes what waits for its time due now: retries of jobs and of parked events. */
  makeDue(): Promise<unknown>
  /** A statement in the tenant, as the app's own role sees it. */
  rows<Row = Record<string, unknown>>(tenant: string, statement: Statement): Promise<Row[]>
  /** Stops the app and drops the database. Idempotent. */
  stop(): Promise<void>
}

/** Starts an app for a test; stop it in `after`, or with `await using`. */
export async function testApp(app: AppDefinition, options: TestAppOptions = {}): Promise<TestApp> {
  const { startTestApp } = await import('./start-test-app.ts')
  const database = await testDatabase(options)
  const faults = await TcpProxy.start(database.url)
  const { clock = runningClock() } = options
  const around = { database, faults, clock }
  try {
    return testAppOf(await startTestApp(app, { ...options, ...around }), around)
  } catch (error) {
    await faults.close()
    await database.drop()
    throw error
  }
}

interface Surroundings {
  readonly database: TestDatabase
  readonly faults: TcpProxy
  readonly clock: TestClock
}

type Started = Awaited<ReturnType<typeof import('./start-test-app.ts')['startTestApp']>>

function testAppOf(started: Started, around: Surroundings): TestApp {
  const { running, log, settle, makeDue, inTenant, issueKey } = started
  const { apiUrl = '', adminUrl } = running
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= (async () => {
      await started.stop()
      await around.faults.close()
      await around.database.drop()
    })()
    return stopped
  }
  return {
    ...around,
    apiUrl,
    adminUrl,
    running,
    log,
    settle,
    makeDue,
    rows: inTenant,
    stop,
    [Symbol.asyncDispose]: stop,
    async caller(tenant, { permissions = [], roles = [] }) {
      const { key, text } = await issueKey(tenant, { permissions, roles })
      return new TestCaller({ apiUrl, tenant, principal: key.principal, key: text.reveal() })
    },
  }
}
