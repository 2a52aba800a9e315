/** The span of an operation, where spans are opened at all. */
import { type Scope, scopeWith } from '../runtime/scope.ts'
import type { SpanShape } from '../runtime/telemetry/tracing.ts'
import type { RegisteredOperation } from './registered.ts'
import type { Reply } from './reply.ts'
import type { OperationRequest } from './request.ts'

/** Runs an operation as a part of the trace of whoever asks. */
export async function replyInSpan(
  operation: RegisteredOperation,
  request: OperationRequest,
  run: (request: OperationRequest) => Promise<Reply>,
): Promise<Reply> {
  const span = openSpan(operation, request.scope)
  if (span === undefined) return run(request)
  try {
    const scope = scopeWith(request.scope, { trace: span.trace })
    const reply = await span.run(() => run({ ...request, scope }))
    if (reply.status >= 500) span.fail(reply.problem ?? String(reply.status))
    else if (reply.problem !== undefined) span.set({ 'error.type': reply.problem })
    return reply
  } finally {
    span.end()
  }
}

/** The same for a command that runs inside the transaction of another. */
export async function calledInSpan<T>(
  operation: RegisteredOperation,
  scope: Scope,
  run: () => Promise<T>,
): Promise<T> {
  const span = openSpan(operation, scope)
  if (span === undefined) return run()
  try {
    return await span.run(run)
  } catch (error) {
    span.fail(String((error as { code?: unknown } | undefined)?.code ?? 'error'))
    throw error
  } finally {
    span.end()
  }
}

function openSpan(operation: RegisteredOperation, { trace }: Scope) {
  return trace.span?.child(shapeOf(operation))
}

const shapes = new WeakMap<RegisteredOperation, SpanShape>()

function shapeOf(operation: RegisteredOperation): SpanShape {
  const known = shapes.get(operation)
  if (known !== undefined) return known
  const { name, kind } = operation
  const attributes = { 'holdfast.operation.kind': kind }
  const shape: SpanShape = { name, kind: 'internal', attributes }
  shapes.set(operation, shape)
  return shape
}
