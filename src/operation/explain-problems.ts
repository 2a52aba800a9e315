/** The problems that an operation can answer with, declared and built in, each with its step. */
import {
  type BuiltinProblemCode,
  type ProblemEntry,
  problemCatalogue,
} from './problem-catalogue.ts'
import type { RegisteredOperation } from './registered.ts'

export interface ExplainedProblem {
  readonly code: string
  readonly status: number
  readonly title: string
  /** The step that answers with it. */
  readonly step: 'admit' | 'authenticate' | 'limit' | 'authorize' | 'parse' | 'claim' | 'run'
  /** Declared by the contract; else it is one of Holdfast's own. */
  readonly declared: boolean
  /** Kept under the idempotency key: a retry with it gets the same refusal. */
  readonly stored: boolean
  /** Constraints whose violation is this problem. */
  readonly constraints: readonly string[]
  /** What the caller can do about it. */
  readonly next: string | undefined
}

type Builtins = readonly (readonly [ExplainedProblem['step'], ...BuiltinProblemCode[]])[]

export function explainProblems(operation: RegisteredOperation): readonly ExplainedProblem[] {
  const problems = [...declared(operation), ...builtinsOf(operation)]
  return problems.filter(
    ({ code }, index) => problems.findIndex((other) => other.code === code) === index,
  )
}

function declared(operation: RegisteredOperation): readonly ExplainedProblem[] {
  return [...operation.problems].map(([code, { definition }]) => ({
    code,
    status: definition.status,
    title: definition.title,
    step: 'run',
    declared: true,
    stored: operation.kind === 'command' && definition.stored,
    constraints: definition.constraints,
    next: definition.description,
  }))
}

function builtinsOf(operation: RegisteredOperation): readonly ExplainedProblem[] {
  return codesByStep(operation).flatMap(([step, ...codes]) =>
    codes.map((code) => {
      const { status, title, next }: ProblemEntry = problemCatalogue[code]
      return { code, status, title, step, declared: false, stored: false, constraints: [], next }
    }),
  )
}

function codesByStep(operation: RegisteredOperation): Builtins {
  const { contract, http } = operation
  const keyed = contract.kind !== 'query' && contract.idempotency === 'required'
  const claims = contract.kind === 'command' && keyed
  const versioned = contract.kind === 'command' && contract.ifMatch === 'required'
  const when = (holds: boolean, ...codes: BuiltinProblemCode[]) => (holds ? codes : [])
  return [
    ['admit', ...when(http !== undefined, 'malformed', 'headers-too-large', 'unavailable')],
    ['admit', ...when(http?.hasBody === true, ...bodyCodes), 'deadline-exceeded'],
    ['authenticate', ...when(http !== undefined, 'unauthenticated')],
    ['limit', ...when(operation.limit !== undefined, 'rate-limited')],
    ['authorize', 'forbidden'],
    ['parse', ...when(keyed, 'idempotency-key-missing')],
    ['parse', ...when(versioned, 'precondition-required'), 'validation'],
    ['claim', ...when(claims, 'idempotency-key-reused', 'idempotency-in-progress')],
    ['claim', ...when(claims && contract.secret, 'reply-not-kept')],
    ['run', ...when(contract.kind === 'command', 'precondition-failed'), 'unavailable', 'internal'],
  ]
}

const bodyCodes: readonly BuiltinProblemCode[] = [
  'request-timeout',
  'payload-too-large',
  'unsupported-media-type',
]
