/** The tally app, running in this process on a database of its own, and what it has left there. */
import { type RunningApp, startApp } from '../../src/app/start-app.ts'
import type { Step } from '../../src/database/batch.ts'
import { loadConfig } from '../../src/runtime/config.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { AppDatabase } from '../app-database.ts'
import { type Meanwhile, tallyApp } from './tally.ts'

export interface TallyTraces {
  readonly total: number
  readonly entries: number
  readonly events: number
  readonly jobs: number
  /** Audit entries of what was done, and of what was refused. */
  readonly audit: number
  readonly refusals: number
}

export const NO_TRACES: TallyTraces = {
  total: 0,
  entries: 0,
  events: 0,
  jobs: 0,
  audit: 0,
  refusals: 0,
}

/** Operations only: events and jobs stay where they were put. */
export interface TallyBench {
  readonly database: AppDatabase
  readonly running: RunningApp
  readonly api: string
  /** Stands in the middle of every handler; put something else there. */
  meanwhile: Meanwhile
  newKey(tenant?: string): Promise<string>
  /** Of one tally, in all tenants. */
  traces(name: string): Promise<TallyTraces>
  stop(): Promise<void>
}

export interface TallyBenchOptions {
  readonly step?: Step
  /** Another way to the database than the direct one. */
  readonly way?: (url: string) => Promise<string>
}

export async function tallyBench({ step, way }: TallyBenchOptions = {}): Promise<TallyBench> {
  const database = await AppDatabase.make(tallyApp)
  const url = (await way?.(database.url)) ?? database.url
  const meanwhile: Meanwhile = (facts) => bench.meanwhile(facts)
  const running = await startApp(tallyApp, {
    config: loadConfig({ ...database.env, DATABASE_URL: url }),
    does: ['api'],
    roles: { clerk: ['tally:*'] },
    services: { meanwhile },
    log: silentLog,
    ...(step && { step }),
  })
  const bench: TallyBench = {
    database,
    running,
    api: running.apiUrl as string,
    meanwhile: () => {},
    newKey: (tenant = 'acme') => database.addKey(tenant, 'clerk'),
    traces: (name) => database.row<TallyTraces>(TRACES, [name]),
    async stop() {
      await running.stop()
      await database.drop()
    },
  }
  return bench
}

/** A request about a tally has its name as the first part of its request id. */
const TRACES = `SELECT
 (SELECT coalesce(sum(total), 0)::int FROM tallies WHERE name = $1) AS total,
 (SELECT count(*)::int FROM tally_entries WHERE name = $1) AS entries,
 (SELECT count(*)::int FROM holdfast.events WHERE payload->>'name' = $1) AS events,
 (SELECT count(*)::int FROM holdfast.jobs WHERE payload->>'name' = $1) AS jobs,
 (SELECT count(*)::int FROM holdfast.audit_entries
   WHERE split_part(request_id, '.', 1) = $1 AND outcome = 'ok') AS audit,
 (SELECT count(*)::int FROM holdfast.audit_entries
   WHERE split_part(request_id, '.', 1) = $1 AND outcome <> 'ok') AS refusals`
