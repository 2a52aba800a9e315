/** The door for every transport: an operation and a request in, a reply out. It never throws. */
import { executeAction } from './execute-action.ts'
import { executeCommand } from './execute-command.ts'
import { executeQuery } from './execute-query.ts'
import { replyInSpan } from './in-span.ts'
import type { RegisteredOperation } from './registered.ts'
import type { Reply } from './reply.ts'
import type { OperationRequest } from './request.ts'
import type { OperationRuntime } from './runtime.ts'

export function execute(
  runtime: OperationRuntime,
  operation: RegisteredOperation,
  request: OperationRequest,
): Promise<Reply> {
  if (request.scope.trace.span === undefined) return byKind(runtime, operation, request)
  return replyInSpan(operation, request, (asked) => byKind(runtime, operation, asked))
}

function byKind(
  runtime: OperationRuntime,
  operation: RegisteredOperation,
  request: OperationRequest,
): Promise<Reply> {
  switch (operation.kind) {
    case 'command':
      return executeCommand(runtime, operation, request)
    case 'query':
      return executeQuery(runtime, operation, request)
    case 'action':
      return executeAction(runtime, operation, request)
  }
}
