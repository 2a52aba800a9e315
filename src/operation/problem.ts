/**
 * An error as the caller sees it (RFC 9457). A contract declares its problems by kind; the key in
 * `problems` gives the code: `insufficientStock: conflict('Insufficient stock')` is answered as 409
 * with the code `insufficient-stock`, and thrown in a handler as `throw fail.insufficientStock()`.
 */
import { knownOptions, optionError } from '../base/bounds.ts'
import { HoldfastError } from '../base/fault.ts'
import {
  type InputOf,
  jsonSchemaOf,
  parseWith,
  type Schema,
  type Violation,
} from '../base/schema.ts'
import { listed } from './payload.ts'
import {
  type BuiltinProblemCode,
  type ProblemEntry,
  problemCatalogue,
} from './problem-catalogue.ts'
import type { Reply } from './reply.ts'

export type ProblemKind =
  | 'invalid'
  | 'forbidden'
  | 'notFound'
  | 'conflict'
  | 'gone'
  | 'preconditionFailed'
  | 'unavailable'

interface KindFacts {
  readonly status: number
  /** Whether the refusal is kept under the idempotency key. Never 403, 422 and 503. */
  readonly stored: boolean
}

const kinds: Readonly<Record<ProblemKind, KindFacts>> = {
  invalid: { status: 422, stored: false },
  forbidden: { status: 403, stored: false },
  notFound: { status: 404, stored: true },
  conflict: { status: 409, stored: true },
  gone: { status: 410, stored: true },
  preconditionFailed: { status: 412, stored: true },
  unavailable: { status: 503, stored: false },
}

export interface ProblemOptions {
  /**
   * Names of constraints whose violation is this problem, deferred ones included:
   * `conflict('Out of stock', { constraint: 'products_stock_not_negative' })`.
   */
  readonly constraint?: string | readonly string[]
  /** A refusal that may be gone at the next try: it is not stored, so the same key tries again. */
  readonly transient?: boolean
  /** What the caller can do about it, for the documentation. */
  readonly description?: string
}

/** A problem that a contract declares. `M` is the schema of the members it carries, if any. */
export interface ProblemDefinition<M extends Schema | undefined = Schema | undefined> {
  readonly kind: ProblemKind
  readonly title: string
  readonly status: number
  readonly members: M
  readonly constraints: readonly string[]
  readonly stored: boolean
  readonly description: string | undefined
}

export type ProblemMap = Readonly<Record<string, ProblemDefinition>>
export type NoProblems = Readonly<Record<never, never>>

/** The ways a handler can refuse: one function for each declared problem, giving an error to throw. */
export type Fail<P> = { readonly [K in keyof P]: FailFunction<P[K]> }

type FailFunction<D> =
  D extends ProblemDefinition<infer M>
    ? M extends Schema
      ? (members: InputOf<M>, detail?: string) => ProblemError
      : (detail?: string) => ProblemError
    : never

/** A kind of problem, called with a title and, if the problem carries members, their schema. */
export interface DefineProblem {
  (title: string, options?: ProblemOptions): ProblemDefinition<undefined>
  <M extends Schema>(title: string, members: M, options?: ProblemOptions): ProblemDefinition<M>
}

/** 422: well-formed, and wrong by a rule that the schema cannot state. */
export const invalid = problemOfKind('invalid')
/** 403: this caller may not, by a rule about rows. */
export const forbidden = problemOfKind('forbidden')
/** 404: no such thing, or none that this caller may see. */
export const notFound = problemOfKind('notFound')
/** 409: right in itself, and against the present state. */
export const conflict = problemOfKind('conflict')
/** 410: it was there and will not come back. */
export const gone = problemOfKind('gone')
/** 412: it has changed since the caller saw it. */
export const preconditionFailed = problemOfKind('preconditionFailed')
/** 503: not now; never stored, so that a retry with the same key tries again. */
export const unavailable = problemOfKind('unavailable')

function problemOfKind(kind: ProblemKind): DefineProblem {
  function define(title: string, options?: ProblemOptions): ProblemDefinition<undefined>
  function define<M extends Schema>(
    title: string,
    members: M,
    options?: ProblemOptions,
  ): ProblemDefinition<M>
  function define(title: string, second?: Schema | ProblemOptions, third?: ProblemOptions) {
    if (second !== undefined && '~standard' in second) {
      return problemDefinition(kind, title, second, third ?? {})
    }
    return problemDefinition(kind, title, undefined, second ?? {})
  }
  return define
}

/** RFC 9457 §3.1, and what every problem of ours carries: these are said by the problem itself. */
const STANDARD = ['type', 'title', 'status', 'detail', 'instance', 'code']

function refuseStandardNames(where: string, members: Schema | undefined): void {
  const { properties = {} } = (members && jsonSchemaOf(members, 'output')) ?? {}
  const taken = STANDARD.find((name) => Object.hasOwn(properties as object, name))
  if (taken === undefined) return
  throw optionError(where, `member "${taken}"`, 'is said by the problem itself: name it otherwise')
}

function problemDefinition<M extends Schema | undefined>(
  kind: ProblemKind,
  title: string,
  members: M,
  options: ProblemOptions,
): ProblemDefinition<M> {
  const where = `${kind}(${JSON.stringify(title)})`
  knownOptions(where, options, ['constraint', 'transient', 'description'])
  if (typeof title !== 'string' || title === '') throw optionError(where, 'title', 'must be a text')
  const constraints = [options.constraint ?? []].flat()
  if (constraints.length > 0 && members !== undefined) {
    throw optionError(
      where,
      'constraint',
      'cannot stand beside members: a violated constraint does not know their values',
    )
  }
  refuseStandardNames(where, members)
  return Object.freeze({
    kind,
    title,
    status: kinds[kind].status,
    members,
    constraints,
    stored: kinds[kind].stored && options.transient !== true,
    description: options.description,
  })
}

export interface ProblemFacts {
  /** Stable, kebab-case; ends the `type` URI. */
  readonly code: string
  readonly status: number
  readonly title: string
  readonly detail?: string | undefined
  readonly members?: Readonly<Record<string, unknown>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Whether the refusal is kept under the idempotency key. */
  readonly stored?: boolean | undefined
  /** The key in the contract's `problems`, where it was declared there. */
  readonly declared?: string | undefined
  readonly cause?: unknown
}

/** A problem on its way to the caller. Thrown in a handler, it rolls the transaction back. */
export class ProblemError extends Error {
  readonly code: string
  readonly status: number
  readonly title: string
  readonly detail: string | undefined
  readonly members: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>
  readonly stored: boolean
  readonly declared: string | undefined

  constructor(facts: ProblemFacts) {
    super(facts.detail ?? facts.title, { cause: facts.cause })
    this.name = 'ProblemError'
    this.code = facts.code
    this.status = facts.status
    this.title = facts.title
    this.detail = facts.detail
    this.members = facts.members ?? {}
    this.headers = facts.headers ?? {}
    this.stored = facts.stored ?? false
    this.declared = facts.declared
  }
}

/** `insufficientStock` is told as `insufficient-stock`. */
export function problemCode(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** The `fail` of a handler, made once for each operation. */
export function failOf<P extends ProblemMap>(problems: P): Fail<P> {
  const functions = Object.entries(problems).map(([key, definition]) => [
    key,
    (first?: unknown, second?: string) =>
      definition.members === undefined
        ? declaredProblem(key, definition, undefined, first as string | undefined)
        : declaredProblem(key, definition, cutMembers(key, definition.members, first), second),
  ])
  return Object.freeze(Object.fromEntries(functions))
}

/** Members as their schema lets them out. Ones that do not fit are a bug of the handler. */
function cutMembers(key: string, schema: Schema, members: unknown): Record<string, unknown> {
  const parsed = parseWith(schema, members)
  if (!(parsed instanceof Promise) && parsed.ok) return parsed.value as Record<string, unknown>
  const why = parsed instanceof Promise ? 'their schema is async' : listed(parsed.violations)
  throw new HoldfastError('HF_REPLY_INVALID', `The members of the problem "${key}": ${why}.`)
}

/** Made by `fail`, and by the executor when a declared constraint is violated. */
export function declaredProblem(
  key: string,
  definition: ProblemDefinition,
  members?: Readonly<Record<string, unknown>>,
  detail?: string,
  cause?: unknown,
): ProblemError {
  const { status, title, stored } = definition
  const code = problemCode(key)
  return new ProblemError({ code, status, title, detail, members, stored, declared: key, cause })
}

export interface BuiltinProblemOptions {
  readonly detail?: string | undefined
  readonly members?: Readonly<Record<string, unknown>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly cause?: unknown
}

/** A problem of the catalogue. Its detail says what to do next, where none is given. */
export function builtinProblem(
  code: BuiltinProblemCode,
  options: BuiltinProblemOptions = {},
): ProblemError {
  const entry: ProblemEntry = problemCatalogue[code]
  const headers = { ...defaultHeaders[code], ...options.headers }
  const detail = options.detail ?? entry.next
  return new ProblemError({
    ...options,
    code,
    status: entry.status,
    title: entry.title,
    detail,
    headers,
  })
}

const defaultHeaders: Partial<Record<BuiltinProblemCode, Readonly<Record<string, string>>>> = {
  // RFC 9110 §15.5.2: a 401 MUST carry at least one challenge.
  unauthenticated: { 'www-authenticate': 'Bearer' },
  'idempotency-in-progress': { 'retry-after': '1' },
  unavailable: { 'retry-after': '1' },
}

/** 422 with `errors: [{ pointer, message }]`. */
export function validationProblem(violations: readonly Violation[]): ProblemError {
  return builtinProblem('validation', { members: { errors: violations } })
}

/** 429; `retryAfterMs` is rounded up to whole seconds (RFC 9110 §10.2.3), at least one. */
export function rateLimitedProblem(
  retryAfterMs: number,
  headers: Readonly<Record<string, string>> = {},
): ProblemError {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000))
  return builtinProblem('rate-limited', { headers: { ...headers, 'retry-after': `${seconds}` } })
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json'

export function problemType(code: string): string {
  return `https://holdfast.dev/problems/${code}`
}

/** The body of a problem: own members first, so that none of them can pose as a standard one. */
export function problemBody(problem: ProblemError, requestId: string): Record<string, unknown> {
  return {
    ...problem.members,
    type: problemType(problem.code),
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    instance: requestId,
    code: problem.code,
  }
}

export function problemReply(problem: ProblemError, scope: { readonly requestId: string }): Reply {
  return {
    status: problem.status,
    contentType: PROBLEM_CONTENT_TYPE,
    headers: problem.headers,
    body: JSON.stringify(problemBody(problem, scope.requestId)),
    replayed: false,
    problem: problem.code,
  }
}
