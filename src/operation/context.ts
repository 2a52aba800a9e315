/** The context statement of an operation, and the time that it has. */
import { apiKeyCheck } from '../access/api-key/check.ts'
import { type Check, checkStatement } from '../database/check.ts'
import { contextStatement } from '../database/context.ts'
import type { Statement } from '../database/statement.ts'
import type { Scope } from '../runtime/scope.ts'
import type { OperationRuntime } from './runtime.ts'

interface ContextFacts {
  readonly runtime: OperationRuntime
  readonly request: { readonly scope: Scope }
  readonly deadlineMs: number
  readonly claim?: unknown
}

/**
 * With a claim, locks are waited for as long as a duplicate waits for a running first; the claim
 * then sets the wait of the user's statements.
 */
export function operationContext(facts: ContextFacts, purpose: 'read' | 'write'): Statement {
  const { scope } = facts.request
  const remainingMs = facts.deadlineMs - facts.runtime.clock.monotonicMs()
  const waitMs = facts.runtime.idempotency.waitMs
  return contextStatement({
    role: 'holdfast_app',
    tenant: scope.tenant,
    actor: scope.principal.id,
    remainingMs,
    lockTimeoutMs: facts.claim === undefined ? remainingMs : Math.min(waitMs, remainingMs),
    purpose,
  })
}

/** What is asked of the caller's credential in every transaction, cached or not. */
export function credentialCheck(scope: Scope): Check | undefined {
  return scope.credential && apiKeyCheck(scope.credential.id)
}

/** The same as a statement of its own, for transactions without a claim that could take it along. */
export function credentialStatements(scope: Scope): readonly Statement[] {
  const check = credentialCheck(scope)
  return check === undefined ? [] : [checkStatement(check)]
}

/** The caller's deadline, or the operation's own bound if that is sooner. */
export function deadlineOf(operation: { readonly timeoutMs: number | undefined }, scope: Scope) {
  if (operation.timeoutMs === undefined) return scope.deadline.atMs
  return Math.min(scope.deadline.atMs, scope.clock.monotonicMs() + operation.timeoutMs)
}
