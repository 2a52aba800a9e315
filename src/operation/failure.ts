/** From an error to the problem that the caller sees. What is not expected is a 500, and logged. */
import { type FaultCode, HoldfastError } from '../base/fault.ts'
import { missedExpectation } from '../database/expect-rows.ts'
import { ConnectionLostError, hasState, StatementError, sqlstate } from '../database/sqlstate.ts'
import type { Scope } from '../runtime/scope.ts'
import { builtinProblem, declaredProblem, ProblemError } from './problem.ts'
import type { BuiltinProblemCode } from './problem-catalogue.ts'
import type { DeclaredProblem } from './registered.ts'
import type { OperationRuntime } from './runtime.ts'
import type { UnitBuffers } from './unit-of-work.ts'

/** Refusals of Holdfast that are nobody's bug. */
const FAULT_PROBLEMS: Partial<Record<FaultCode, BuiltinProblemCode>> = {
  HF_CANCELLED: 'unavailable',
  HF_DEADLINE_EXCEEDED: 'deadline-exceeded',
  HF_POOL_EXHAUSTED: 'unavailable',
  HF_DATABASE_UNAVAILABLE: 'unavailable',
  HF_RETRIES_EXHAUSTED: 'unavailable',
  HF_COMMIT_UNKNOWN: 'unavailable',
  HF_OUTBOUND_TIMEOUT: 'unavailable',
  HF_OUTBOUND_UNREACHABLE: 'unavailable',
  HF_OUTBOUND_STATUS: 'unavailable',
  HF_OUTBOUND_OPEN: 'unavailable',
  HF_OUTBOUND_FULL: 'unavailable',
}

const STATE_PROBLEMS: Readonly<Record<string, BuiltinProblemCode>> = {
  [sqlstate.credentialRevoked]: 'unauthenticated',
  // A row of another tenant, refused by the database: the second wall held.
  [sqlstate.insufficientPrivilege]: 'forbidden',
  [sqlstate.lockNotAvailable]: 'unavailable',
  [sqlstate.queryCanceled]: 'deadline-exceeded',
  [sqlstate.transactionTimeout]: 'deadline-exceeded',
  [sqlstate.adminShutdown]: 'unavailable',
  [sqlstate.crashShutdown]: 'unavailable',
  [sqlstate.cannotConnectNow]: 'unavailable',
  [sqlstate.tooManyConnections]: 'unavailable',
}

const CONSTRAINT_STATES = [
  sqlstate.uniqueViolation,
  sqlstate.foreignKeyViolation,
  sqlstate.checkViolation,
  sqlstate.exclusionViolation,
  sqlstate.notNullViolation,
]

/** The problem that an outcome of `run` was declared to be; undefined for everything else. */
export function declaredOutcome(
  error: unknown,
  constraints: readonly ReadonlyMap<string, DeclaredProblem>[],
  buffers: UnitBuffers,
): ProblemError | undefined {
  if (error instanceof ProblemError) return error
  if (!(error instanceof StatementError)) return undefined
  if (error.state === sqlstate.rowCountMissed) return missed(error, buffers)
  if (hasState(error, ...CONSTRAINT_STATES)) return byConstraint(error, constraints)
  return undefined
}

function missed(error: StatementError, buffers: UnitBuffers): ProblemError {
  const declared = buffers.expectations[missedExpectation(error)]
  return declared ?? builtinProblem('precondition-failed', { cause: error })
}

function byConstraint(
  error: StatementError,
  constraints: readonly ReadonlyMap<string, DeclaredProblem>[],
): ProblemError | undefined {
  const name = error.constraint ?? ''
  const found = constraints.find((each) => each.has(name))?.get(name)
  return found && declaredProblem(found.key, found.definition, undefined, undefined, error)
}

/** Any error as a problem; the unexpected ones are logged here, once, with all that is known. */
export function toProblem(
  runtime: OperationRuntime,
  operation: string,
  scope: Scope,
  error: unknown,
): ProblemError {
  const { requestId, credential } = scope
  if (hasState(error, sqlstate.credentialRevoked) && credential !== undefined) {
    runtime.credentialRefused(credential)
  }
  if (hasState(error, sqlstate.insufficientPrivilege)) {
    runtime.log.warn({ error, operation, requestId }, 'The database has refused a statement.')
  }
  const expected = expectedProblem(error)
  if (expected !== undefined) return expected
  runtime.log.error({ error, operation, requestId }, 'Operation failed unexpectedly.')
  return builtinProblem('internal', { cause: error })
}

/** The problem that an error is known to mean; undefined for a bug. */
export function expectedProblem(error: unknown): ProblemError | undefined {
  if (error instanceof ProblemError) return error
  const code = problemCodeOf(error)
  return code === undefined ? undefined : builtinProblem(code, { cause: error })
}

function problemCodeOf(error: unknown): BuiltinProblemCode | undefined {
  if (error instanceof HoldfastError) return FAULT_PROBLEMS[error.code]
  if (error instanceof ConnectionLostError) return 'unavailable'
  if (error instanceof StatementError) return STATE_PROBLEMS[error.state]
  return undefined
}
