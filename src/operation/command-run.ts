/** One command asked for once: what stays the same over all attempts. */
import { sha256 } from '../base/digest.ts'
import { uuidv7 } from '../base/id.ts'
import type { Scope } from '../runtime/scope.ts'
import type { AuditEntry } from '../state/audit/audit.ts'
import type { Claim } from '../state/idempotency/idempotency.ts'
import { callInUnit } from './call-command.ts'
import { credentialCheck, deadlineOf } from './context.ts'
import type { RegisteredCommand } from './registered.ts'
import type { Reply } from './reply.ts'
import type { OperationRequest } from './request.ts'
import type { OperationRuntime } from './runtime.ts'
import type { UnitOwner } from './unit.ts'

export interface CommandRun {
  readonly runtime: OperationRuntime
  readonly command: RegisteredCommand
  readonly request: OperationRequest
  readonly input: unknown
  /** SHA-256 of the raw request. */
  readonly fingerprint: Buffer
  readonly claim: Claim | undefined
  readonly deadlineMs: number
  /** For units: one per attempt, all of this owner. `auditId` is the same in every attempt. */
  readonly owner: UnitOwner & { readonly auditId: string }
  /** What this attempt is going to answer, once it knows. */
  reply: Reply | undefined
  /** How often the handler was begun. */
  runs: number
}

export function openRun(
  runtime: OperationRuntime,
  command: RegisteredCommand,
  request: OperationRequest,
  input: unknown,
): CommandRun {
  const fingerprint = sha256(request.rawInput)
  return {
    runtime,
    command,
    request,
    input,
    fingerprint,
    claim: claimOf(runtime, command, request, fingerprint),
    deadlineMs: deadlineOf(command, request.scope),
    owner: ownerOf(runtime, command, request.scope),
    reply: undefined,
    runs: 0,
  }
}

function ownerOf(runtime: OperationRuntime, command: RegisteredCommand, scope: Scope) {
  const { name, module } = command
  return { runtime, scope, module, name, auditId: uuidv7(), call: callInUnit }
}

function claimOf(
  runtime: OperationRuntime,
  command: RegisteredCommand,
  { scope }: OperationRequest,
  fingerprint: Buffer,
): Claim | undefined {
  if (scope.idempotencyKey === undefined) return undefined
  return {
    tenant: scope.tenant,
    principal: scope.principal.id,
    operation: command.name,
    key: scope.idempotencyKey,
    fingerprint,
    retentionMs: runtime.idempotency.retentionMs,
    check: credentialCheck(scope),
  }
}

export function auditOf(run: CommandRun, outcome: string): AuditEntry {
  const { scope } = run.request
  return {
    id: run.owner.auditId,
    tenant: scope.tenant,
    actor: scope.principal.id,
    operation: run.command.name,
    outcome,
    requestId: scope.requestId,
    traceId: scope.trace.traceId,
    inputDigest: run.fingerprint,
    parent: null,
  }
}
