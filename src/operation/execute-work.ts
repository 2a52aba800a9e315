/**
 * Work that no caller waits for: jobs and subscriptions. In a transaction whose closing batch also
 * carries the loop's fence, so that a worker that has lost its lease undoes its effects; or, for
 * jobs that call outside, without one.
 */
import { systemPrincipal } from '../base/principal.ts'
import { currentSchemaStatement } from '../database/context.ts'
import { runTransaction } from '../database/run-transaction.ts'
import type { Statement } from '../database/statement.ts'
import { deadlineAfter, OpenScope, type Scope } from '../runtime/scope.ts'
import type { WorkMeter } from '../runtime/telemetry/work-meter.ts'
import { type TraceContext, traceContext } from '../runtime/trace-context.ts'
import { callInUnit } from './call-command.ts'
import { withCalls } from './call-operation.ts'
import { operationContext } from './context.ts'
import type { Isolation } from './handler.ts'
import { parsedPayload } from './payload.ts'
import type { RegisteredJob, RegisteredSubscription } from './registered.ts'
import { runInside } from './run-handler.ts'
import type { OperationRuntime } from './runtime.ts'
import { closeUnit, openUnitFor, type Unit, type UnitOwner } from './unit.ts'

/** What a loop knows of a piece of work that it hands over. */
export interface WorkFacts {
  readonly tenant: string
  /** Of the request that caused it; the audit of what it calls shows it. */
  readonly requestId: string
  readonly traceparent: string | undefined
  /** Where whoever hands it over has continued the trace already. */
  readonly trace?: TraceContext
  readonly meter?: WorkMeter
  /** The loop is stopping, or the lease was lost. */
  readonly signal: AbortSignal
}

export interface JobWork extends WorkFacts {
  readonly id: string
  readonly name: string
  readonly queue: string
  readonly payload: unknown
  readonly attempt: number
  readonly attemptsMax: number
  readonly key: string | undefined
  readonly enqueuedAt: string
}

export interface EventWork extends WorkFacts {
  readonly id: string
  readonly name: string
  readonly payload: unknown
  readonly key: string | undefined
  readonly position: string
  readonly at: string
}

/** Runs a `run` job; `fence` completes it, or raises, in the same commit. */
export async function runJob(
  runtime: OperationRuntime,
  job: RegisteredJob,
  work: JobWork,
  fence: readonly Statement[],
): Promise<void> {
  const { handler } = job
  if (handler.run === undefined) throw new TypeError(`The job ${job.name} has no run.`)
  const payload = parsedPayload(job.contract, work.payload)
  const owner = ownerOf(runtime, job, work, job.contract.timeoutMs)
  await inTransaction(owner, job.isolation, fence, (unit) =>
    handler.run({
      payload,
      tx: unit.tx,
      scope: owner.scope,
      job: work,
      services: runtime.services,
    }),
  )
}

/** What a job that follows a death is told of it. */
export interface JobDeath {
  readonly id: string
  readonly attempt: number
  readonly error: string
  readonly payload: unknown
}

/** Runs `whenDead` of a job; `fence` completes the job that follows the death. */
export async function runWhenDead(
  runtime: OperationRuntime,
  job: RegisteredJob,
  work: JobWork,
  fence: readonly Statement[],
): Promise<void> {
  const { handler, contract } = job
  const { id, attempt, error, payload: dead } = work.payload as JobDeath
  const payload = parsedPayload(contract, dead)
  const owner = ownerOf(runtime, job, work, contract.timeoutMs)
  const { scope } = owner
  const { services } = runtime
  const facts = { ...work, id, attempt, attemptsMax: attempt, name: job.name }
  await inTransaction(owner, job.isolation, fence, ({ tx }) =>
    handler.whenDead?.({ payload, error, tx, scope, job: facts, services }),
  )
}

/** Runs an `act` job. Whoever calls it completes the job afterwards. */
export async function actJob(
  runtime: OperationRuntime,
  job: RegisteredJob,
  work: JobWork,
): Promise<void> {
  const { handler } = job
  if (handler.act === undefined) throw new TypeError(`The job ${job.name} has no act.`)
  const payload = parsedPayload(job.contract, work.payload)
  const { scope } = ownerOf(runtime, job, work, job.contract.timeoutMs)
  const { signal } = scope
  const { services } = runtime
  try {
    await withCalls(runtime, scope, `job/${work.id}`, async (call) =>
      handler.act({ payload, call, scope, job: work, services, signal }),
    )
  } finally {
    scope.close()
  }
}

/** Runs a subscription for one event; `fence` moves its position, or raises, in the same commit. */
export async function runSubscription(
  runtime: OperationRuntime,
  subscription: RegisteredSubscription,
  work: EventWork,
  fence: readonly Statement[],
): Promise<void> {
  const payload = parsedPayload(subscription.event, work.payload)
  const { id, name, key, position, at } = work
  const event = { id, name, key, position, at, payload }
  const owner = ownerOf(runtime, subscription, work, subscription.timeoutMs)
  const { services } = runtime
  await inTransaction(owner, subscription.isolation, fence, (unit) =>
    subscription.handler.run({ event, tx: unit.tx, scope: owner.scope, services }),
  )
}

interface WorkOwner extends UnitOwner {
  readonly scope: OpenScope
}

function ownerOf(
  runtime: OperationRuntime,
  { name, module }: { readonly name: string; readonly module: string },
  work: WorkFacts,
  timeoutMs: number,
): WorkOwner {
  const scope = workScope(runtime, name, work, timeoutMs)
  return { runtime, scope, module, name, auditId: null, call: callInUnit }
}

function workScope(
  runtime: OperationRuntime,
  name: string,
  work: WorkFacts,
  timeoutMs: number,
): OpenScope {
  const { clock } = runtime
  return new OpenScope({
    principal: systemPrincipal(work.tenant, name),
    requestId: work.requestId,
    trace: work.trace ?? traceContext(work.traceparent),
    meter: work.meter,
    deadline: deadlineAfter(clock, timeoutMs),
    clock,
    callerGone: (onGone) => {
      if (work.signal.aborted) onGone()
      work.signal.addEventListener('abort', onGone, { once: true })
      return () => work.signal.removeEventListener('abort', onGone)
    },
  })
}

async function inTransaction(
  owner: WorkOwner,
  isolation: Isolation,
  fence: readonly Statement[],
  body: (unit: Unit) => unknown,
): Promise<void> {
  const { runtime, scope, name } = owner
  const deadlineMs = scope.deadline.atMs
  const facts = { runtime, request: { scope: scope as Scope }, deadlineMs }
  const options = {
    isolation,
    deadlineMs,
    signal: scope.signal,
    inDoubt: 'xid' as const,
    snapshotCheck: currentSchemaStatement,
    observed: scope,
    stacks: runtime.stacks,
    opening: () => [operationContext(facts, 'write')],
  }
  try {
    await runTransaction(runtime.pool, options, async (tx) => {
      const unit = openUnitFor(owner, tx)
      await runInside([], { operation: name, input: undefined, scope }, () => body(unit))
      closeUnit(unit, unit.audit, fence)
      return unit
    }).then((unit) => wake(runtime, unit))
  } finally {
    scope.close()
  }
}

function wake(runtime: OperationRuntime, unit: Unit): void {
  const events = unit.buffers.events.length > 0
  const jobs = unit.buffers.jobs.length > 0
  if (events || jobs) runtime.wake({ events, jobs })
}
