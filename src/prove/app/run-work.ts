/** One job or one delivery of a scenario, over the pool of its command. */
import type pg from 'pg'
import { eventHandler, jobHandler } from '../../app/wire.ts'
import { WorkRecorder } from '../../app/work-recorder.ts'
import type { Clock } from '../../base/clock.ts'
import { fencedAsLoops, runAsLoops } from '../../database/as-loops.ts'
import type { AppDefinition } from '../../operation/builder.ts'
import { encodePayload } from '../../operation/payload.ts'
import type { RegisteredJob, RegisteredSubscription } from '../../operation/registered.ts'
import { silentLog } from '../../runtime/log.ts'
import { createTelemetry } from '../../runtime/telemetry/telemetry.ts'
import { fenceOfMove, isMoved } from '../../state/event/event.ts'
import { Attempt } from '../../state/job/attempt.ts'
import type { Job } from '../../state/job/job.ts'
import { Settler } from '../../state/job/settler.ts'
import { type OpenApp, openApp } from './open-app.ts'
import { raceClock } from './run-call.ts'
import type { SteppedPool } from './stepped-connections.ts'
import { takeOver } from './store.ts'
import {
  idsOf,
  type Prepared,
  type ScenarioDelivery,
  type ScenarioJob,
  type ScenarioWork,
} from './work.ts'

/** No attempt is late: time passes when a schedule says so. */
const stillClock: Clock = { ...raceClock, after: () => () => {} }

/** Work that fails comes again once time has passed; what fails so often fails for good. */
const ATTEMPTS_MAX = 3

export interface WorkRun {
  readonly app: AppDefinition
  readonly work: ScenarioWork
  readonly prepared: Prepared
  /** Somebody else in the scenario has it too, and had it before. */
  readonly second: boolean
  readonly services: Readonly<Record<string, unknown>>
}

/** Nobody waits for an answer: what it has done is what counts. */
export function runWork(run: WorkRun, db: pg.Pool): Promise<void> {
  const { app, services, work } = run
  const pool = db as unknown as SteppedPool
  const opened = openApp({ app, pool, clock: raceClock, services })
  return work.kind === 'job' ? runOneJob(opened, work, run) : deliverOne(opened, work, run)
}

function recorderOf({ runtime: { log, clock } }: OpenApp): WorkRecorder {
  return new WorkRecorder({ telemetry: createTelemetry(), log, clock })
}

async function runOneJob(
  opened: OpenApp,
  work: ScenarioJob,
  { prepared, second }: WorkRun,
): Promise<void> {
  const { runtime } = opened
  const held = { ...jobOf(work), lease: prepared.lease ?? 0 }
  const job = second ? await takenOver(opened, held) : held
  if (job === undefined) return
  const registered = runtime.registry.jobs.get(job.name) as RegisteredJob
  const handler = jobHandler(runtime, recorderOf(opened), registered)
  const settler = new Settler({ ...runtime, log: silentLog })
  for (let tries = 1; ; tries++) {
    const ending = await new Attempt(job, handler, stillClock).run()
    if (ending.kind === 'done' && !ending.settled)
      await settler.settle({ kind: 'done', lease: job.lease })
    if (ending.kind === 'done' || ending.kind === 'lost') return
    if (tries === ATTEMPTS_MAX)
      throw ending.kind === 'failed' ? ending.error : new Error(ending.reason)
  }
}

function jobOf(work: ScenarioJob): Omit<Job, 'lease'> {
  const { job, payload, owner } = work
  const { name, queue, priority, attemptsMax } = job
  const { value } = encodePayload(job, payload)
  const at = '2026-01-05T08:00:00.000000Z'
  return {
    ...idsOf(work),
    ...{ tenant: owner.tenant, queue, name, payload, priority, attemptsMax },
    key: job.key?.(value) ?? null,
    ...{ attempt: 1, runAt: at, createdAt: at, requestId: null, cause: null },
  }
}

async function takenOver({ runtime }: OpenApp, job: Job): Promise<Job | undefined> {
  const [rows] = await runAsLoops(runtime.pool, takeOver(job.id))
  const [row] = (rows?.rows ?? []) as unknown as readonly Pick<Job, 'lease' | 'attempt'>[]
  return row && { ...job, ...row }
}

async function deliverOne(
  opened: OpenApp,
  work: ScenarioDelivery,
  { prepared }: WorkRun,
): Promise<void> {
  const { runtime } = opened
  const { event, payload, options } = work
  const { name } = options.to
  const subscription = runtime.registry.subscriptions.get(name) as RegisteredSubscription
  const handler = eventHandler(runtime, recorderOf(opened), subscription)
  const position = prepared.position ?? 0
  const { value } = encodePayload(event, payload)
  const stored = {
    ...idsOf(work),
    ...{ position, at: '2026-01-05T08:00:00.000000Z', tenant: options.tenant, name: event.name },
    ...{ version: 1, key: event.key?.(value) ?? null, payload, requestId: null, cause: null },
  }
  const move = { subscription: subscription.name, from: 0, to: position, holder: '', leaseMs: 0 }
  const { signal } = new AbortController()
  const turn = { closing: fencedAsLoops(fenceOfMove(move)), signal, timeoutMs: handler.timeoutMs }
  for (let tries = 1; ; tries++) {
    try {
      return await handler.handle(stored, turn)
    } catch (error) {
      if (isMoved(error)) return
      if (tries === ATTEMPTS_MAX) throw error
    }
  }
}
