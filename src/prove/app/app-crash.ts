/**
 * A program of the crash explorer that is an app of Holdfast: a request with a key, its events and
 * jobs, and a fresh app over the same database where a process has died.
 */
import { migrationSources } from '../../app/sources.ts'
import { knownOptions } from '../../base/bounds.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { HoldfastError } from '../../base/fault.ts'
import type { AppDefinition } from '../../operation/builder.ts'
import { buildRegistry } from '../../operation/registry.ts'
import type { Reply } from '../../operation/reply.ts'
import { setUp } from '../arena/arena.ts'
import {
  type Crash,
  type CrashDefinition,
  type CrashProgram,
  type CrashWorld,
  crash,
} from '../crash/crash.ts'
import type { RaceSetup } from '../race.ts'
import { OneConnection } from './one-connection.ts'
import type { OpenApp, openApp as OpenAppOf } from './open-app.ts'
import { checkHandled, type ScenarioCall } from './scenario.ts'
import type { SteppedPool } from './stepped-connections.ts'
import { bringToRest } from './store.ts'

/** An app that may die at every step, and what must be true afterwards. */
export interface AppCrashDefinition extends Pick<CrashDefinition, 'invariants' | 'ignore'> {
  readonly app: AppDefinition
  /** The rows that every run starts from, behind all migrations of the app. */
  readonly seed?: RaceSetup
  /** Stand-ins for services that lead outside, by name: what they do is told with the world. */
  readonly services?: (world: CrashWorld) => Readonly<Record<string, unknown>>
  /**
   * What a client asks for, with the same key each time: made by `call`, or by a function that is asked
   * once the seed is there. Without it, what the seed has left to do is done.
   */
  readonly request?: ScenarioCall | (() => ScenarioCall)
}

const FIELDS = [
  'app',
  'seed',
  'services',
  'request',
  'invariants',
  'ignore',
] as const satisfies readonly (keyof AppCrashDefinition)[]

/**
 * How often something was tried, by whom and with which key is no part of what was done. What a job
 * does is seen where it does it; that none has died, and nothing is audited twice, are rules.
 */
const BOOKKEEPING: readonly string[] = [
  ...['jobs', 'running_jobs', 'job_history', 'job_workers', 'subscriptions'],
  ...['idempotency_keys', 'audit_entries'],
].map((table) => `holdfast.${table}.*`)

/** A request that is answered from its key leaves no second entry. */
const RULES: Readonly<Record<string, string>> = {
  'no job has died': 'SELECT name, last_error FROM holdfast.dead_jobs',
  'no event has died': 'SELECT subscription, last_error FROM holdfast.parked_events',
  'the request is audited once': `SELECT actor, operation, count(*) FROM holdfast.audit_entries
    WHERE parent IS NULL AND actor LIKE 'key_%' GROUP BY actor, operation, request_id HAVING count(*) > 1`,
}

/** The remaining time is part of what is sent: it must not depend on how long a run takes. */
const stillClock: Clock = { ...systemClock, monotonicMs: () => 0 }

/** Undisturbed, one is enough: what is due is done, then what waits for its time. */
const ROUNDS = 1

/**
 * Defines a program of the crash explorer that is an app: a request, and the subscriptions and jobs
 * that follow it, each statement of their batches a step. Where a process has died, a fresh app over
 * the same database goes on. Exported from a file, `holdfast prove` explores it.
 */
export function appCrash(definition: AppCrashDefinition): Crash {
  knownOptions('appCrash', definition, FIELDS)
  const { app, seed, request, invariants = {}, ignore = [] } = definition
  if (typeof request === 'object') checkHandled(app, ['appCrash', 'request'], request)
  const sources = migrationSources(buildRegistry(app))
  let open: typeof OpenAppOf | undefined
  return crash({
    // What makes a server is loaded where it is needed, and before anything is explored.
    async schema(url) {
      const [{ migrate }, { openApp }] = await Promise.all([
        import('../../database/migrate/migrate.ts'),
        import('./open-app.ts'),
      ])
      open = openApp
      await migrate({ url, sources })
    },
    seed: async (url) => {
      await setUp(url, 'seed', seed ?? [])
      await bringToRest(url)
    },
    invariants: { ...RULES, ...invariants },
    ignore: [...BOOKKEEPING, 'holdfast.events.traceparent', ...ignore],
    rounds: ROUNDS,
    sameBytes: true,
    boot: () => programOf(definition, open as typeof OpenAppOf),
  })
}

function programOf(
  { app, services, request }: AppCrashDefinition,
  openApp: typeof OpenAppOf,
): CrashProgram {
  let opened: OpenApp | undefined
  /** One process, one app. */
  const over = (db: unknown, world: CrashWorld) => {
    const pool = new OneConnection(db as SteppedPool)
    opened ??= openApp({ app, pool, services: services?.(world) ?? {}, clock: stillClock })
    return opened
  }
  return {
    ...(request && {
      request: async (db, world) => answerOf(await ask(over(db, world), request)),
    }),
    loops: {
      'events and jobs': (db, world) => over(db, world).settle(),
      'as time passes': (db, world) => sleep(over(db, world)),
    },
  }
}

function ask(opened: OpenApp, request: NonNullable<AppCrashDefinition['request']>): Promise<Reply> {
  const { operation, input, asking } = typeof request === 'function' ? request() : request
  return opened.execute(operation, input, { key: 'request', ...asking })
}

/** A chain of jobs that each wait for their time; one that begins itself again has no end. */
const SLEEPS_MAX = 5

/** Leases end, what a dead process had is given back, and what waits for its time is due. */
async function sleep(app: OpenApp): Promise<void> {
  await app.letTimePass()
  await app.rescueOnce()
  for (let sleeps = 0; sleeps < SLEEPS_MAX; sleeps++) {
    const waiting = await app.letTimePass()
    await app.settle()
    if (waiting === 0) return
  }
}

/** What a client takes for an answer; with anything else it asks again. */
function answerOf({ status, body }: Reply): { status: number; body: string } {
  if (status >= 500 || status === 429)
    throw new HoldfastError('HF_PROVE_SETUP', `The app answers ${status}: ${body}`)
  return { status, body }
}
