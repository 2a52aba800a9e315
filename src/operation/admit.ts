/** The steps before a transaction: cheap refusals first. Each throws the problem it finds. */
import { isFault } from '../base/fault.ts'
import { uuidv7 } from '../base/id.ts'
import { parseWith, type Violation } from '../base/schema.ts'
import type { Scope } from '../runtime/scope.ts'
import type { Limit } from './limit.ts'
import { NO_HEADERS } from './make-reply.ts'
import { builtinProblem, rateLimitedProblem, validationProblem } from './problem.ts'
import type { RegisteredOperation } from './registered.ts'
import type { OperationRequest } from './request.ts'
import { refusal } from './rule.ts'
import type { OperationRuntime } from './runtime.ts'

/** 1. A request whose time is over, or whose caller has gone, costs nothing more. */
export function admit(scope: Scope): void {
  if (scope.deadline.passed) throw builtinProblem('deadline-exceeded')
}

/** 3. Counts the request; returns the headers that tell the caller where it stands. */
export async function limit(
  runtime: OperationRuntime,
  operation: RegisteredOperation,
  request: OperationRequest,
): Promise<Readonly<Record<string, string>>> {
  if (operation.limit === undefined) return NO_HEADERS
  const subject = subjectOf(operation.limit, request)
  const decision = await runtime.limiter.check(operation.name, operation.limit, subject)
  if (decision.allowed) return decision.headers
  throw rateLimitedProblem(decision.retryAfterMs, decision.headers)
}

function subjectOf(limit: Limit, { scope, address }: OperationRequest): string {
  if (limit.per === 'tenant') return scope.tenant
  if (limit.per === 'address') return address ?? 'unknown'
  return `${scope.tenant}/${scope.principal.id}`
}

/** 4. By the rule of the matched operation, never by the text of a path. Default deny. */
export function authorize(operation: RegisteredOperation, scope: Scope): void {
  const reason = refusal(operation.allow, { principal: scope.principal })
  if (reason === undefined) {
    requireTenant(operation, scope)
    return
  }
  if (scope.principal.kind === 'anonymous') throw builtinProblem('unauthenticated')
  throw builtinProblem('forbidden', { detail: reason === '' ? undefined : reason })
}

/** Whatever a command writes, its key and its audit entry too, belongs to a tenant. */
function requireTenant({ kind }: RegisteredOperation, scope: Scope): void {
  if (kind !== 'command' || scope.tenant !== '') return
  const detail =
    'Nothing in the request says whose tenant it is for. Show a credential of that tenant.'
  throw builtinProblem('unauthenticated', { detail })
}

/** A command that is not idempotent by nature needs a key; the refusal shows how to send one. */
export function requireKey(
  contract: { readonly idempotency: 'required' | 'natural' },
  scope: Scope,
): void {
  if (contract.idempotency === 'natural' || scope.idempotencyKey !== undefined) return
  const header = `Idempotency-Key: "${uuidv7()}"`
  throw builtinProblem('idempotency-key-missing', {
    detail: `Send the same request with the header ${header}, and again with the same value when you retry.`,
    members: { example: { header } },
  })
}

/** RFC 6585 §3: where lost updates must not happen, the caller says which version it has seen. */
export function requireVersion(
  contract: { readonly ifMatch: 'required' | 'optional' | undefined },
  request: OperationRequest,
): void {
  if (contract.ifMatch !== 'required' || request.ifMatch !== undefined) return
  throw builtinProblem('precondition-required')
}

/** 5. Unknown fields, then the schema. What comes back is frozen: the handler may run again. */
export async function parse(
  operation: RegisteredOperation,
  request: OperationRequest,
): Promise<unknown> {
  const { meter, clock } = request.scope
  meter.enter('parse', clock.monotonicMs())
  if (!request.input.ok) throw validationProblem(request.input.violations)
  return parseInput(operation, request.input.value)
}

export async function parseInput(operation: RegisteredOperation, value: unknown): Promise<unknown> {
  refuse(operation.unknownFields(value))
  const parsed = await parseWith(operation.contract.input, value)
  if (parsed.ok) return deepFreeze(parsed.value)
  throw validationProblem(parsed.violations)
}

function refuse(violations: readonly Violation[]): void {
  if (violations.length > 0) throw validationProblem(violations)
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  // Bytes and the like cannot be frozen, and are not plain input.
  if (ArrayBuffer.isView(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  return value
}

/** The caller is gone: whatever is answered, nobody reads it. */
export function isCancelled(error: unknown): boolean {
  return isFault(error, 'HF_CANCELLED')
}
