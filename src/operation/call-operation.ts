/** `call` of actions and jobs: an operation as a unit of its own, under a derived key. */
import { sha256 } from '../base/digest.ts'
import { HoldfastError } from '../base/fault.ts'
import { endOfScope, scopeClosed } from '../database/scope-closed.ts'
import { type Scope, scopeWith } from '../runtime/scope.ts'
import type { OperationContract } from './contract.ts'
import { executeCommand } from './execute-command.ts'
import { executeQuery } from './execute-query.ts'
import { replyInSpan } from './in-span.ts'
import { ProblemError } from './problem.ts'
import type { Reply } from './reply.ts'
import { withinDeadline } from './run-handler.ts'
import type { OperationRuntime } from './runtime.ts'
import type { Call, CallOptions } from './unit-of-work-types.ts'

/**
 * Gives `work` its `call`, which ends with it: at the deadline too, where the work is left behind.
 *
 * The key of the n-th call of one operation is the same whenever the caller runs again: derived
 * from `seed` (the caller's own key), the operation's name and `key`, or n where there is none.
 */
export async function withCalls<T>(
  runtime: OperationRuntime,
  scope: Scope,
  seed: string,
  work: (call: Call) => Promise<T>,
): Promise<T> {
  const counts = new Map<string, number>()
  let ended = false
  let endedAt: Error | undefined
  const call = async (contract: OperationContract, input: unknown, options: CallOptions = {}) => {
    if (ended) throw scopeClosed(endedAt)
    const count = (counts.get(contract.name) ?? 0) + 1
    counts.set(contract.name, count)
    const derived = derivedKey(seed, contract.name, options.key ?? `#${count}`)
    const reply = await callOnce(runtime, scope, contract, input, derived, options.ifMatch)
    return outputOf(contract, reply)
  }
  try {
    return await withinDeadline(scope.signal, () => work(call as unknown as Call))
  } finally {
    ended = true
    if (runtime.stacks) endedAt = endOfScope()
  }
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
  ifMatch: string | undefined,
): Promise<Reply> {
  const operation = runtime.registry.operations.get(contract.name)
  const rawInput = JSON.stringify(input) ?? ''
  const request = {
    scope: scopeWith(scope, { idempotencyKey }),
    input: { ok: true, value: input } as const,
    rawInput,
    ifMatch,
  }
  if (operation?.kind === 'command')
    return replyInSpan(operation, request, (asked) => executeCommand(runtime, operation, asked))
  if (operation?.kind === 'query')
    return replyInSpan(operation, request, (asked) => executeQuery(runtime, operation, asked))
  throw new HoldfastError('HF_APP_INVALID', `call: no operation is named "${contract.name}".`)
}

function outputOf(contract: OperationContract, reply: Reply): unknown {
  if (reply.status < 400 && contract.replyType !== undefined) return reply.body
  const value: unknown = reply.body === '' ? undefined : JSON.parse(reply.body)
  if (reply.status < 400) return value
  throw problemOf(reply, value as Readonly<Record<string, unknown>>, `${contract.name} refused`)
}

/** What was told by `problemReply`, members and headers included. */
function problemOf(
  { status, headers }: Reply,
  body: Readonly<Record<string, unknown>>,
  cause: string,
): ProblemError {
  const { code, title, detail, type: _, status: __, instance: ___, ...members } = body
  const texts = { code, title, detail } as { code: string; title: string; detail?: string }
  return new ProblemError({ ...texts, status, members, headers, cause })
}
