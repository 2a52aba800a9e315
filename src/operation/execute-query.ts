/** The life of a query: the same refusals, one snapshot, the tenant's rows alone, no trace left. */
import { currentSchemaStatement } from '../database/context.ts'
import { readSnapshot, type SnapshotMemory } from '../database/snapshot.ts'
import { admit, authorize, limit, parse } from './admit.ts'
import { credentialStatements, deadlineOf, operationContext } from './context.ts'
import { toProblem } from './failure.ts'
import { cutToOutput, makeReply, NO_HEADERS, withHeaders } from './make-reply.ts'
import { problemReply } from './problem.ts'
import type { RegisteredQuery } from './registered.ts'
import type { Reply } from './reply.ts'
import type { OperationRequest } from './request.ts'
import { runAround, withinDeadline } from './run-handler.ts'
import type { OperationRuntime } from './runtime.ts'
import { ReadUnitOver } from './unit-of-work.ts'

export async function executeQuery(
  runtime: OperationRuntime,
  query: RegisteredQuery,
  request: OperationRequest,
): Promise<Reply> {
  let headers = NO_HEADERS
  try {
    admit(request.scope)
    headers = await limit(runtime, query, request)
    authorize(query, request.scope)
    const input = await parse(query, request)
    const output = await cutToOutput(query, await read(runtime, query, request, input))
    return withHeaders(makeReply(query, output), headers)
  } catch (error) {
    const problem = toProblem(runtime, query.name, request.scope, error)
    return withHeaders(problemReply(problem, request.scope), headers)
  }
}

/** Which queries have needed one snapshot over several batches: they begin with it. */
const memories = new WeakMap<RegisteredQuery, SnapshotMemory>()

function memoryOf(query: RegisteredQuery): SnapshotMemory {
  const known = memories.get(query)
  if (known !== undefined) return known
  const memory = { several: false }
  memories.set(query, memory)
  return memory
}

export function read(
  runtime: OperationRuntime,
  query: RegisteredQuery,
  request: OperationRequest,
  input: unknown,
): Promise<unknown> {
  const { scope } = request
  const { name, module, fail } = query
  const { services } = runtime
  scope.meter.enter('run', runtime.clock.monotonicMs())
  const deadlineMs = deadlineOf(query, scope)
  const facts = { runtime, request, deadlineMs }
  return readSnapshot(
    runtime.pool,
    {
      deadlineMs,
      signal: scope.signal,
      context: () => [operationContext(facts, 'read'), ...credentialStatements(scope)],
      memory: memoryOf(query),
      snapshotCheck: currentSchemaStatement,
      observed: scope,
      stacks: runtime.stacks,
    },
    (reader) => {
      const guard = runtime.guard.begin({ operation: name, module })
      const tx = new ReadUnitOver<unknown>((statement) => reader.query(statement), guard)
      return withinDeadline(scope.signal, () =>
        runAround(query.around, { operation: name, input, scope }, async () =>
          query.handler.run({ input, tx, scope, fail, services }),
        ),
      )
    },
  )
}
