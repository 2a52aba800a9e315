/** `call` of actions and jobs: an operation as a unit of its own, under a derived key. */
import { sha256 } from '../base/digest.ts'
import { HoldfastError } from '../base/fault.ts'
import type { Scope } from '../runtime/scope.ts'
import type { OperationContract } from './contract.ts'
import { executeCommand } from './execute-command.ts'
import { executeQuery } from './execute-query.ts'
import { ProblemError } from './problem.ts'
import type { Reply } from './reply.ts'
import type { OperationRuntime } from './runtime.ts'
import type { Call, CallOptions } from './unit-of-work-types.ts'

/**
 * The key of the n-th call of one operation is the same whenever the caller runs again: derived
 * from `seed` (the caller's own key), the operation's name and `key`, or n where there is none.
 */
export function calls(runtime: OperationRuntime, scope: Scope, seed: string): Call {
  const counts = new Map<string, number>()
  const call = async (contract: OperationContract, input: unknown, options: CallOptions = {}) => {
    const count = (counts.get(contract.name) ?? 0) + 1
    counts.set(contract.name, count)
    const derived = derivedKey(seed, contract.name, options.key ?? `#${count}`)
    return outputOf(contract, await callOnce(runtime, scope, contract, input, derived))
  }
  return call as unknown as Call
}

function derivedKey(seed: string, name: string, part: string): string {
  return sha256(JSON.stringify([seed, name, part])).toString('base64url')
}

function callOnce(
  runtime: OperationRuntime,
  scope: Scope,
  contract: OperationContract,
  input: unknown,
  idempotencyKey: string,
): Promise<Reply> {
  const operation = runtime.registry.operations.get(contract.name)
  const rawInput = JSON.stringify(input) ?? ''
  const request = {
    scope: withKey(scope, idempotencyKey),
    input: { ok: true, value: input } as const,
    rawInput,
  }
  if (operation?.kind === 'command') return executeCommand(runtime, operation, request)
  if (operation?.kind === 'query') return executeQuery(runtime, operation, request)
  throw new HoldfastError('HF_APP_INVALID', `call: no operation is named "${contract.name}".`)
}

function withKey(scope: Scope, idempotencyKey: string): Scope {
  const { principal, tenant, requestId, trace, deadline, clock, credential } = scope
  return {
    principal,
    tenant,
    requestId,
    trace,
    deadline,
    clock,
    idempotencyKey,
    ...(credential && { credential }),
    get signal() {
      return scope.signal
    },
  }
}

interface ProblemText {
  readonly code: string
  readonly title: string
  readonly detail?: string
}

function outputOf(contract: OperationContract, reply: Reply): unknown {
  const value: unknown = reply.body === '' ? undefined : JSON.parse(reply.body)
  if (reply.status < 400) return value
  const { code, title, detail } = value as ProblemText
  const { status } = reply
  throw new ProblemError({ code, status, title, detail, cause: `${contract.name} refused` })
}
