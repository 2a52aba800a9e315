/**
 * Hands the loops their handlers: they sit below the operations and never look one up. Who runs
 * what in this process stands here.
 */
import type { Clock } from '../base/clock.ts'
import { runAsLoops } from '../database/as-loops.ts'
import type { Pool } from '../database/pool.ts'
import {
  actJob,
  type EventWork,
  type JobWork,
  runJob,
  runSubscription,
  runWhenDead,
} from '../operation/execute-work.ts'
import type { Limit } from '../operation/limit.ts'
import type { RegisteredJob, RegisteredSubscription, Registry } from '../operation/registered.ts'
import type { LimitDecision, OperationLimiter, OperationRuntime } from '../operation/runtime.ts'
import type { CheckResult } from '../runtime/health.ts'
import type { Log } from '../runtime/log.ts'
import type { Runnable } from '../runtime/loop.ts'
import { createPruner } from '../runtime/pruner.ts'
import type { Metrics } from '../runtime/telemetry/metric.ts'
import { type EventTurn, Relay, type SubscriptionHandler } from '../state/event/relay.ts'
import { pruneExpiredKeys } from '../state/idempotency/idempotency.ts'
import { type Job, nameAfterDeath, pruneJobHistory } from '../state/job/job.ts'
import { createRescuer } from '../state/job/rescuer.ts'
import { type JobHandler, type JobTurn, Worker } from '../state/job/worker.ts'
import {
  createLimiter,
  type Decision,
  type LimitPolicy,
  rateLimitHeaders,
} from '../state/quota/quota.ts'
import { pruneStaged } from '../state/staging/prune-staged.ts'
import type { WorkRecorder, WorkStart, WorkThread } from './work-recorder.ts'

export interface LoopOptions {
  readonly runtime: OperationRuntime
  /** Whether this process runs subscriptions and jobs, and cleans up; else only `background`. */
  readonly processing: boolean
  /** Loops that every process needs: leases of limits, use of keys. */
  readonly background: readonly Runnable[]
  readonly recorder: WorkRecorder
}

export interface Loops {
  /** Gives every subscription its place in the log: what happens from then on reaches it. */
  register(): Promise<void>
  start(): void
  stop(): Promise<void>
  wake(what: { readonly events: boolean; readonly jobs: boolean }): void
  /** For readiness. */
  check(): CheckResult
  readonly all: readonly Runnable[]
}

/** Slots for each queue of a process: twice the loops' connections, as most jobs wait for others. */
const SLOTS_PER_QUEUE = 12
/** Long enough to look back over a week of incidents. */
const JOB_HISTORY_RETENTION_MS = 7 * 24 * 3600 * 1000
/** Chunks of staged contents are large: some 25 MB at a time. */
const STAGED_ROWS_MAX = 100

export function wireLoops(options: LoopOptions): Loops {
  const { runtime, processing, recorder } = options
  const worker = processing ? wireWorker(runtime, recorder) : undefined
  const relay = processing ? wireRelay(runtime, recorder) : undefined
  const cleaning = processing ? wireCleaning(runtime, () => worker?.wake()) : []
  const all = [worker, relay, ...cleaning, ...options.background].filter(
    (loop) => loop !== undefined,
  )
  let started = false
  return {
    all,
    register: async () => relay?.register(),
    start() {
      started = true
      for (const loop of all) loop.start()
    },
    async stop() {
      started = false
      await Promise.all(all.map((loop) => loop.stop()))
    },
    wake({ events, jobs }) {
      if (events) relay?.wake()
      if (jobs) worker?.wake()
    },
    check: () => (started ? { status: 'pass' } : { status: 'fail', output: 'not started' }),
  }
}

export interface WiredLimiter {
  readonly limiter: OperationLimiter
  readonly loops: readonly Runnable[]
}

/**
 * Limits of operations are policies of the quota store, by the name of the operation. One that the
 * store does not take is told here, when the app starts, and not at its first request.
 */
export function wireLimiter(parts: {
  readonly registry: Registry
  readonly loopPool: Pool
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}): WiredLimiter {
  const { registry, loopPool: pool, clock, log, metrics } = parts
  const limiter = createLimiter({ pool, clock, log })
  for (const { name, limit } of registry.operations.values()) {
    if (limit !== undefined) limiter.declare(policyOf(name, limit))
  }
  const refusals = metrics.counter({
    name: 'holdfast_limit_refusals_total',
    help: 'Requests beyond the limit of their operation.',
    labels: ['operation'],
  })
  const tell = (name: string, decision: Decision) => {
    if (!decision.allowed) refusals.with(name).add()
    return told(decision)
  }
  return {
    loops: limiter.loops,
    limiter: {
      check(name, limit, subject) {
        const decision = limiter.check(policyOf(name, limit), subject)
        if (decision instanceof Promise) return decision.then((late) => tell(name, late))
        return tell(name, decision)
      },
    },
  }
}

function policyOf(name: string, limit: Limit): LimitPolicy {
  const known = policies.get(limit)
  if (known !== undefined) return known
  const { count, windowMs, burst, exact } = limit
  const policy = { name, rate: { count, windowMs }, burst, exact }
  policies.set(limit, policy)
  return policy
}

const policies = new WeakMap<Limit, LimitPolicy>()

function told(decision: Decision): LimitDecision {
  return {
    allowed: decision.allowed,
    retryAfterMs: decision.retryAfterS * 1000,
    headers: rateLimitHeaders([decision]),
  }
}

function wireCleaning(runtime: OperationRuntime, onRescued: () => void): readonly Runnable[] {
  const { pool, clock, log } = runtime
  const pruner = (name: string, prune: (rowsMax: number) => Promise<number>) =>
    createPruner({ name, clock, log, prune })
  return [
    createRescuer({ pool, clock, log, followed: followedJobs(runtime.registry), onRescued }),
    pruner('job-history pruner', (rowsMax) =>
      pruneJobHistory(pool, JOB_HISTORY_RETENTION_MS, rowsMax),
    ),
    pruner('idempotency-key pruner', async (rowsMax) => {
      const [rows] = await runAsLoops(pool, pruneExpiredKeys(rowsMax))
      return rows?.rowCount ?? 0
    }),
    createPruner({
      name: 'staged-content pruner',
      clock,
      log,
      prune: (rowsMax) => pruneStaged(pool, rowsMax),
      rowsMax: STAGED_ROWS_MAX,
    }),
  ]
}

function wireRelay(runtime: OperationRuntime, recorder: WorkRecorder): Relay | undefined {
  const subscriptions = [...runtime.registry.subscriptions.values()]
  if (subscriptions.length === 0) return undefined
  const { pool, clock, log } = runtime
  const handlers = subscriptions.map((each) => eventHandler(runtime, recorder, each))
  return new Relay({ pool, clock, log, subscriptions: handlers })
}

/** How the relay hands an event to a subscription; for the explorer too. */
export function eventHandler(
  runtime: OperationRuntime,
  recorder: WorkRecorder,
  subscription: RegisteredSubscription,
): SubscriptionHandler {
  const { name, event, timeoutMs, attemptsMax, backoff } = subscription
  return {
    name,
    events: [event.name],
    timeoutMs,
    attemptsMax,
    backoff,
    handle: (row, turn) =>
      recorder.record(eventStart(name, row), (thread) =>
        runSubscription(runtime, subscription, eventWork(row, turn, thread), turn.closing),
      ),
  }
}

type StoredEvent = Parameters<SubscriptionHandler['handle']>[0]

function eventStart(subscription: string, row: StoredEvent): WorkStart {
  const { id, name: event, tenant, position, traceparent } = row
  return {
    kind: 'event',
    name: subscription,
    requestId: row.requestId ?? `event-${id}`,
    traceparent,
    fields: { subscription, event, id, position, tenant },
    attributes: { 'messaging.message.id': id, 'holdfast.event': event, 'holdfast.tenant': tenant },
  }
}

function eventWork(row: StoredEvent, turn: EventTurn, thread: WorkThread): EventWork {
  return {
    ...thread,
    id: row.id,
    name: row.name,
    payload: row.payload,
    key: row.key ?? undefined,
    position: String(row.position),
    at: row.at,
    tenant: row.tenant,
    requestId: row.requestId ?? `event-${row.id}`,
    traceparent: row.traceparent ?? undefined,
    signal: turn.signal,
  }
}

function wireWorker(runtime: OperationRuntime, recorder: WorkRecorder): Worker | undefined {
  const jobs = [...runtime.registry.jobs.values()]
  if (jobs.length === 0) return undefined
  const { pool, clock, log } = runtime
  const queues = Object.fromEntries(jobs.map((job) => [job.contract.queue, SLOTS_PER_QUEUE]))
  const handlers = jobs.flatMap((job) => jobHandlers(runtime, recorder, job))
  return new Worker({
    pool,
    clock,
    log,
    handlers: new Map(handlers.map((handler) => [handler.name, handler])),
    queues,
    followed: followedJobs(runtime.registry),
  })
}

/** Those that have something to do when they are dead. */
function followedJobs({ jobs }: Registry): readonly string[] {
  return [...jobs.values()].filter(({ handler }) => handler.whenDead).map(({ name }) => name)
}

function jobHandlers(
  runtime: OperationRuntime,
  recorder: WorkRecorder,
  job: RegisteredJob,
): readonly JobHandler[] {
  const handler = jobHandler(runtime, recorder, job)
  if (job.handler.whenDead === undefined) return [handler]
  const whenDead: JobHandler = {
    ...handler,
    name: nameAfterDeath(job.name),
    kind: 'run',
    handle: (row, turn) =>
      recorder.record(jobStart(row), (thread) =>
        runWhenDead(runtime, job, jobWork(row, turn, thread), turn.closing),
      ),
  }
  return [handler, whenDead]
}

/** How a worker runs jobs of a name; for the explorer too. */
export function jobHandler(
  runtime: OperationRuntime,
  recorder: WorkRecorder,
  job: RegisteredJob,
): JobHandler {
  const { timeoutMs, backoff } = job.contract
  const acts = job.handler.act !== undefined
  return {
    name: job.name,
    kind: acts ? 'act' : 'run',
    timeoutMs,
    backoff,
    handle: (row, turn) =>
      recorder.record(jobStart(row), (thread) =>
        acts
          ? actJob(runtime, job, jobWork(row, turn, thread))
          : runJob(runtime, job, jobWork(row, turn, thread), turn.closing),
      ),
  }
}

function jobStart({ id, name: job, queue, tenant, attempt, ...row }: Job): WorkStart {
  return {
    kind: 'job',
    name: job,
    requestId: row.requestId ?? `job-${id}`,
    traceparent: row.traceparent,
    fields: { job, id, queue, tenant, attempt },
    attributes: {
      'messaging.message.id': id,
      'messaging.destination.name': queue,
      'holdfast.job': job,
      'holdfast.job.attempt': attempt,
      'holdfast.tenant': tenant,
    },
  }
}

function jobWork(row: Job, turn: JobTurn, thread: WorkThread): JobWork {
  return {
    ...thread,
    id: row.id,
    name: row.name,
    queue: row.queue,
    payload: row.payload,
    attempt: row.attempt,
    attemptsMax: row.attemptsMax,
    key: row.key ?? undefined,
    enqueuedAt: row.createdAt,
    tenant: row.tenant,
    requestId: row.requestId ?? `job-${row.id}`,
    traceparent: row.traceparent ?? undefined,
    signal: turn.signal,
  }
}
