/** A unit of work being put together: the user's `tx`, and what its closing batch will carry. */
import { HoldfastError } from '../base/fault.ts'
import type { OperationGuard } from '../database/guard.ts'
import type { Statement } from '../database/statement.ts'
import type { Transaction } from '../database/transaction.ts'
import type { Scope } from '../runtime/scope.ts'
import { type AuditEntry, auditStatement } from '../state/audit/audit.ts'
import { appendEvents } from '../state/event/event.ts'
import { enqueueJobs } from '../state/job/job.ts'
import type { CommandContract } from './contract.ts'
import type { OperationRuntime } from './runtime.ts'
import { CommandUnit, UnitBuffers } from './unit-of-work.ts'
import type { VersionOptions } from './unit-of-work-types.ts'

/** For whom and as what a unit works: an operation, a job or a subscription. */
export interface UnitOwner {
  readonly runtime: OperationRuntime
  readonly scope: Scope
  readonly module: string
  readonly name: string
  /** Of the audit entry that called commands name as their parent. */
  readonly auditId: string | null
  /** What `tx.call` does; handed in, because the called command opens units in turn. */
  readonly call: (
    unit: Unit,
    command: CommandContract,
    input: unknown,
    options: VersionOptions,
  ) => Promise<unknown>
}

export interface Unit {
  readonly owner: UnitOwner
  readonly transaction: Transaction
  readonly buffers: UnitBuffers
  /** Entries of the commands called inside. */
  readonly audit: AuditEntry[]
  /** How deep in calls of calls this unit stands. */
  readonly depth: number
  readonly guard: OperationGuard
  readonly tx: CommandUnit<unknown>
}

export function openUnitFor(owner: UnitOwner, transaction: Transaction): Unit {
  const guard = owner.runtime.guard.begin({ operation: owner.name, module: owner.module })
  return unitWith(owner, guard, transaction, new UnitBuffers(), [], 0)
}

/** The same unit for a called command: its own module, name and guard, the same transaction. */
export function nestedUnit(outer: Unit, owner: UnitOwner): Unit {
  const { transaction, buffers, audit, depth, guard: within } = outer
  const { name, module, runtime } = owner
  const guard = runtime.guard.begin({ operation: name, module, within })
  return unitWith(owner, guard, transaction, buffers, audit, depth + 1)
}

function unitWith(
  owner: UnitOwner,
  guard: OperationGuard,
  transaction: Transaction,
  buffers: UnitBuffers,
  audit: AuditEntry[],
  depth: number,
): Unit {
  const { scope } = owner
  const { tenant, requestId, trace } = scope
  const origin = { tenant, cause: owner.name, requestId, traceparent: trace.traceparent }
  const tx = new CommandUnit<unknown>(
    transaction,
    guard,
    buffers,
    origin,
    (command, input, options) => owner.call(unit, command, input, options),
  )
  const unit: Unit = { owner, guard, transaction, buffers, audit, depth, tx }
  return unit
}

/** Hands the stores' writes to the closing batch: audit, a loop's `fence`, jobs, events. */
export function closeUnit(
  unit: Unit,
  entries: readonly AuditEntry[],
  fence: readonly Statement[] = [],
): void {
  if (unit.buffers.callsOpen > 0) {
    throw new HoldfastError('HF_SCOPE_CLOSED', 'A command was called with tx.call and not awaited.')
  }
  unit.transaction.beforeCommit(() => [
    ...(entries.length > 0 ? [auditStatement(entries)] : []),
    // Behind the events nothing may wait: a position is drawn after every lock of the unit.
    ...fence,
    ...(unit.buffers.jobs.length > 0 ? [enqueueJobs(unit.buffers.jobs)] : []),
    ...(unit.buffers.events.length > 0 ? [appendEvents(unit.buffers.events)] : []),
  ])
}
