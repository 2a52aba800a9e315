/**
 * The life of an action: no transaction of its own. It may call outside, and each command it calls
 * is a unit of work with a key derived from the caller's, so that the whole may be tried again.
 */
import { uuidv7 } from '../base/id.ts'
import { admit, authorize, limit, parse, requireKey } from './admit.ts'
import { withCalls } from './call-operation.ts'
import { toProblem } from './failure.ts'
import { cutToOutput, makeReply, NO_HEADERS, withHeaders } from './make-reply.ts'
import { problemReply } from './problem.ts'
import type { RegisteredAction } from './registered.ts'
import type { Reply } from './reply.ts'
import type { OperationRequest } from './request.ts'
import { runAround } from './run-handler.ts'
import type { OperationRuntime } from './runtime.ts'

export async function executeAction(
  runtime: OperationRuntime,
  action: RegisteredAction,
  request: OperationRequest,
): Promise<Reply> {
  let headers = NO_HEADERS
  try {
    admit(request.scope)
    headers = await limit(runtime, action, request)
    authorize(action, request.scope)
    requireKey(action.contract, request.scope)
    const input = await parse(action, request)
    const output = await cutToOutput(action, await act(runtime, action, request, input))
    return withHeaders(makeReply(action, output), headers)
  } catch (error) {
    const problem = toProblem(runtime, action.name, request.scope, error)
    return withHeaders(problemReply(problem, request.scope), headers)
  }
}

function act(
  runtime: OperationRuntime,
  action: RegisteredAction,
  { scope }: OperationRequest,
  input: unknown,
): Promise<unknown> {
  const { services } = runtime
  const { fail, name } = action
  // Not the request id: callers may send one, and send it twice.
  const seed = `${name}/${scope.idempotencyKey ?? uuidv7()}`
  return withCalls(runtime, scope, seed, (call) =>
    runAround(action.around, { operation: name, input, scope }, async () =>
      action.handler.act({ input, call, scope, fail, services, signal: scope.signal }),
    ),
  )
}
