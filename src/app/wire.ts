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
} from '../operation/execute-work.ts'
import type { Limit } from '../operation/limit.ts'
import type { RegisteredJob, RegisteredSubscription, Registry } from '../operation/registered.ts'
import type { LimitDecision, OperationLimiter, OperationRuntime } from '../operation/runtime.ts'
import type { CheckResult } from '../runtime/health.ts'
import type { Log } from '../runtime/log.ts'
import type { Runnable } from '../runtime/loop.ts'
import { createPruner } from '../runtime/pruner.ts'
import { type EventTurn, Relay, type SubscriptionHandler } from '../state/event/relay.ts'
import { pruneExpiredKeys } from '../state/idempotency/idempotency.ts'
import { type Job, pruneJobHistory } from '../state/job/job.ts'
import { createRescuer } from '../state/job/rescuer.ts'
import { type JobHandler, type JobTurn, Worker } from '../state/job/worker.ts'
import {
  createLimiter,
  type Decision,
  type LimitPolicy,
  rateLimitHeaders,
} from '../state/quota/quota.ts'

export interface LoopOptions {
  readonly runtime: OperationRuntime
  /** Whether this process runs subscriptions and jobs, and cleans up; else only `background`. */
  readonly processing: boolean
  /** Loops that every process needs: leases of limits, use of keys. */
  readonly background: readonly Runnable[]
}

export interface Loops {
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

export function wireLoops(options: LoopOptions): Loops {
  const { runtime, processing } = options
  const worker = processing ? wireWorker(runtime) : undefined
  const relay = processing ? wireRelay(runtime) : undefined
  const cleaning = processing ? wireCleaning(runtime, () => worker?.wake()) : []
  const all = [worker, relay, ...cleaning, ...options.background].filter(
    (loop) => loop !== undefined,
  )
  let started = false
  return {
    all,
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
}): WiredLimiter {
  const { registry, loopPool: pool, clock, log } = parts
  const limiter = createLimiter({ pool, clock, log })
  for (const { name, limit } of registry.operations.values()) {
    if (limit !== undefined) limiter.declare(policyOf(name, limit))
  }
  return {
    loops: limiter.loops,
    limiter: {
      check(name, limit, subject) {
        const decision = limiter.check(policyOf(name, limit), subject)
        return decision instanceof Promise ? decision.then(told) : told(decision)
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
    createRescuer({ pool, clock, log, onRescued }),
    pruner('job-history pruner', (rowsMax) =>
      pruneJobHistory(pool, JOB_HISTORY_RETENTION_MS, rowsMax),
    ),
    pruner('idempotency-key pruner', async (rowsMax) => {
      const [rows] = await runAsLoops(pool, pruneExpiredKeys(rowsMax))
      return rows?.rowCount ?? 0
    }),
  ]
}

function wireRelay(runtime: OperationRuntime): Relay | undefined {
  const subscriptions = [...runtime.registry.subscriptions.values()]
  if (subscriptions.length === 0) return undefined
  const { pool, clock, log } = runtime
  const handlers = subscriptions.map((each) => eventHandler(runtime, each))
  return new Relay({ pool, clock, log, subscriptions: handlers })
}

function eventHandler(
  runtime: OperationRuntime,
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
      runSubscription(runtime, subscription, eventWork(row, turn), turn.closing),
  }
}

type StoredEvent = Parameters<SubscriptionHandler['handle']>[0]

function eventWork(row: StoredEvent, turn: EventTurn): EventWork {
  return {
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

function wireWorker(runtime: OperationRuntime): Worker | undefined {
  const jobs = [...runtime.registry.jobs.values()]
  if (jobs.length === 0) return undefined
  const { pool, clock, log } = runtime
  const queues = Object.fromEntries(jobs.map((job) => [job.contract.queue, SLOTS_PER_QUEUE]))
  const handlers = new Map(jobs.map((job) => [job.name, jobHandler(runtime, job)]))
  return new Worker({ pool, clock, log, handlers, queues })
}

function jobHandler(runtime: OperationRuntime, job: RegisteredJob): JobHandler {
  const { timeoutMs, backoff } = job.contract
  const acts = job.handler.act !== undefined
  return {
    name: job.name,
    kind: acts ? 'act' : 'run',
    timeoutMs,
    backoff,
    handle: (row, turn) =>
      acts
        ? actJob(runtime, job, jobWork(row, turn))
        : runJob(runtime, job, jobWork(row, turn), turn.closing),
  }
}

function jobWork(row: Job, turn: JobTurn): JobWork {
  return {
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
