/**
 * Contracts: what others may import. A contract is a plain value with no handler code, so that
 * commands can name each other, clients and enqueuers pull in nothing that runs, and inference
 * never goes in circles. What depends on the JSON Schema of a contract is checked by the registry:
 * a recursive schema may name constants that do not exist yet while its module loads.
 */
import { integerOption, knownOptions, optionError, shown, wordOption } from '../base/bounds.ts'
import type { InputOf, OutputOf, Schema } from '../base/schema.ts'
import { type HttpBinding, type HttpMethod, type HttpText, parseHttp } from './binding.ts'
import { definition } from './definition.ts'
import { type NoProblems, type ProblemMap, problemCode } from './problem.ts'
import { problemCatalogue } from './problem-catalogue.ts'
import { type StreamedInput, type StreamedOption, streamedInput } from './streamed-input.ts'

export interface Example<I extends Schema = Schema, O extends Schema = Schema> {
  readonly summary?: string
  readonly input: InputOf<I>
  readonly output?: InputOf<O>
}

/** What commands, queries and actions have in common. */
export interface OperationContract<
  I extends Schema = Schema,
  O extends Schema = Schema,
  P extends ProblemMap = ProblemMap,
> {
  readonly kind: 'command' | 'query' | 'action'
  /** `module.operation-name`; stored in keys, audit and jobs, so it never changes. */
  readonly name: string
  readonly http: HttpBinding | undefined
  readonly input: I
  readonly output: O
  readonly problems: P
  readonly summary: string | undefined
  readonly description: string | undefined
  readonly examples: readonly Example[]
  /** Undefined: JSON. */
  readonly replyType: string | undefined
  /** The version of a resource as its ETag shows it. */
  etag?(output: OutputOf<O>): string | number
}

/** `required`: the caller sends a key. `natural`: doing it twice is doing it once, by its nature. */
export type Idempotency = 'required' | 'natural'
export type IfMatch = 'required' | 'optional'
export type SuccessStatus = 200 | 201 | 202

/** Writes, in one transaction. */
export interface CommandContract<
  I extends Schema = Schema,
  O extends Schema = Schema,
  P extends ProblemMap = ProblemMap,
> extends OperationContract<I, O, P> {
  readonly kind: 'command'
  readonly status: SuccessStatus
  readonly idempotency: Idempotency
  readonly ifMatch: IfMatch | undefined
  readonly secret: boolean
  readonly streamed: StreamedInput | undefined
  location?(output: OutputOf<O>): string
}

/** Reads. */
export interface QueryContract<
  I extends Schema = Schema,
  O extends Schema = Schema,
  P extends ProblemMap = ProblemMap,
> extends OperationContract<I, O, P> {
  readonly kind: 'query'
}

/** Has no transaction of its own: may call outside, then commands, each with a derived key. */
export interface ActionContract<
  I extends Schema = Schema,
  O extends Schema = Schema,
  P extends ProblemMap = ProblemMap,
> extends OperationContract<I, O, P> {
  readonly kind: 'action'
  readonly status: SuccessStatus
  readonly idempotency: Idempotency
}

interface OperationOptions<
  M extends HttpMethod,
  I extends Schema,
  O extends Schema,
  P extends ProblemMap,
> {
  readonly name: string
  /** `POST /v1/orders/{id}`: a binding, not a part of the operation. Braces name input fields. */
  readonly http?: HttpText<M>
  readonly input: I
  readonly output: O
  readonly problems?: P
  /** One line, for the description. */
  readonly summary?: string
  readonly description?: string
  readonly examples?: readonly Example<I, O>[]
  /** The media type of a reply that is no JSON, `text/csv; charset=utf-8`: the output is its text. */
  readonly replyType?: string
  /** The version of the resource that `output` shows, for ETag and If-Match. */
  etag?(output: OutputOf<O>): string | number
}

type WriteMethod = Exclude<HttpMethod, 'GET'>

export interface CommandOptions<I extends Schema, O extends Schema, P extends ProblemMap>
  extends OperationOptions<WriteMethod, I, O, P> {
  /** Default 200. */
  readonly status?: SuccessStatus
  /** Default `required`. */
  readonly idempotency?: Idempotency
  /** Whether the caller may or must send the version it has seen. Default: neither. */
  readonly ifMatch?: IfMatch
  /** The reply holds a secret: it is sent once and never stored; a repeat is told so (409). */
  readonly secret?: boolean
  /** The body is a stream: it is staged first, and the input holds its id. */
  readonly streamed?: StreamedOption
  /** Where the reply says that the result is to be found: a path, for the header Location. */
  location?(output: OutputOf<O>): string
}

export interface QueryOptions<I extends Schema, O extends Schema, P extends ProblemMap>
  extends OperationOptions<'GET', I, O, P> {}

export interface ActionOptions<I extends Schema, O extends Schema, P extends ProblemMap>
  extends OperationOptions<WriteMethod, I, O, P> {
  /** Default 200. */
  readonly status?: SuccessStatus
  /** Default `required`: the keys of the commands it calls are derived from this one. */
  readonly idempotency?: Idempotency
}

const writeMethods: readonly WriteMethod[] = ['POST', 'PUT', 'PATCH', 'DELETE']
const commonNames = [
  'name',
  'http',
  'input',
  'output',
  'problems',
  'summary',
  'description',
  'examples',
  'replyType',
  'etag',
]

/**
 * A contract that writes, in one transaction. Throws HF_OPTION_INVALID where an option is wrong.
 */
export function defineCommand<
  I extends Schema,
  O extends Schema,
  P extends ProblemMap = NoProblems,
>(options: CommandOptions<I, O, P>): CommandContract<I, O, P> {
  const where = contractName('command', options.name)
  knownOptions(where, options, [
    ...commonNames,
    ...writeNames,
    'ifMatch',
    'secret',
    'streamed',
    'location',
  ])
  const streamed = options.streamed && streamedInput(where, options.streamed)
  const parts = operationParts(where, options, writeMethods)
  return definition({
    kind: 'command',
    ...parts,
    http: parts.http && streamed ? { ...parts.http, hasBody: false } : parts.http,
    streamed,
    secret: options.secret === true,
    ...(options.location && { location: options.location }),
    ...writeParts(where, options),
    ifMatch:
      options.ifMatch && wordOption(where, 'ifMatch', options.ifMatch, ifMatches, 'optional'),
  })
}

/** A contract that reads one snapshot. Lists of rows are `defineList`. */
export function defineQuery<I extends Schema, O extends Schema, P extends ProblemMap = NoProblems>(
  options: QueryOptions<I, O, P>,
): QueryContract<I, O, P> {
  const where = contractName('query', options.name)
  knownOptions(where, options, commonNames)
  return definition({ kind: 'query', ...operationParts(where, options, ['GET']) })
}

/** A contract without a transaction: its handler may call outside, and calls commands. */
export function defineAction<I extends Schema, O extends Schema, P extends ProblemMap = NoProblems>(
  options: ActionOptions<I, O, P>,
): ActionContract<I, O, P> {
  const where = contractName('action', options.name)
  knownOptions(where, options, [...commonNames, ...writeNames])
  return definition({
    kind: 'action',
    ...operationParts(where, options, writeMethods),
    ...writeParts(where, options),
  })
}

const writeNames = ['status', 'idempotency']
const ifMatches: readonly IfMatch[] = ['required', 'optional']
const idempotencies: readonly Idempotency[] = ['required', 'natural']
const statuses: readonly SuccessStatus[] = [200, 201, 202]

interface WriteOptions {
  readonly status?: SuccessStatus
  readonly idempotency?: Idempotency
}

function writeParts(where: string, options: WriteOptions) {
  const status = options.status ?? 200
  if (!statuses.includes(status)) {
    throw optionError(where, 'status', `is ${shown(status)} and must be one of 200, 201, 202`)
  }
  const idempotency = wordOption(
    where,
    'idempotency',
    options.idempotency,
    idempotencies,
    'required',
  )
  return { status, idempotency }
}

function operationParts<
  M extends HttpMethod,
  I extends Schema,
  O extends Schema,
  P extends ProblemMap,
>(where: string, options: OperationOptions<M, I, O, P>, methods: readonly HttpMethod[]) {
  checkSchema(where, 'input', options.input)
  checkSchema(where, 'output', options.output)
  return {
    name: options.name,
    http: options.http === undefined ? undefined : parseHttp(where, options.http, methods),
    input: options.input,
    output: options.output,
    problems: declaredProblems(where, options.problems),
    summary: options.summary,
    description: options.description,
    examples: Object.freeze([...(options.examples ?? [])]) as readonly Example[],
    replyType: options.replyType,
    ...(options.etag && { etag: options.etag }),
  }
}

const PROBLEM_KEY = /^[a-z][a-zA-Z0-9]*$/

function declaredProblems<P extends ProblemMap>(where: string, problems: P | undefined): P {
  for (const [key, problem] of Object.entries(problems ?? {})) {
    if (!PROBLEM_KEY.test(key)) {
      throw optionError(where, `problem ${shown(key)}`, 'must have a camelCase name')
    }
    const builtin = Object.entries(problemCatalogue).find(([code]) => code === problemCode(key))
    if (builtin !== undefined && builtin[1].status !== problem.status) {
      const meaning = `means ${builtin[1].status} and is declared as ${problem.status}`
      throw optionError(where, `problem ${shown(key)}`, `${meaning}; choose another name`)
    }
  }
  return Object.freeze({ ...problems }) as P
}

/** A fact that a command states; appended to the event log in the same transaction. */
export interface EventContract<P extends Schema = Schema> {
  readonly kind: 'event'
  readonly name: string
  readonly payload: P
  readonly summary: string | undefined
  readonly description: string | undefined
  /** Events of one key are delivered in order. Without it the events have no order among them. */
  key?(payload: OutputOf<P>): string
}

export interface EventOptions<P extends Schema> {
  readonly name: string
  readonly payload: P
  readonly summary?: string
  readonly description?: string
  /** Events of one key are delivered in order, and a failing one holds up its own key only. */
  key?(payload: OutputOf<P>): string
}

/**
 * A fact that commands state by `tx.emit` and that subscriptions handle, at most 64 KiB of JSON.
 */
export function defineEvent<P extends Schema>(options: EventOptions<P>): EventContract<P> {
  const where = contractName('event', options.name)
  knownOptions(where, options, ['name', 'payload', 'summary', 'description', 'key'])
  checkSchema(where, 'payload', options.payload)
  return definition({
    kind: 'event',
    name: options.name,
    payload: options.payload,
    summary: options.summary,
    description: options.description,
    ...(options.key && { key: options.key }),
  })
}

export interface BackoffOption {
  readonly baseMs: number
  readonly capMs: number
}

/** Work to do later, enqueued in the same transaction. */
export interface JobContract<P extends Schema = Schema> {
  readonly kind: 'job'
  readonly name: string
  readonly payload: P
  readonly summary: string | undefined
  readonly description: string | undefined
  readonly queue: string
  readonly attemptsMax: number
  readonly backoff: BackoffOption
  /** For one attempt. */
  readonly timeoutMs: number
  /** 0 runs first. */
  readonly priority: number
  /** While a job with this key waits, enqueuing another changes nothing. */
  key?(payload: OutputOf<P>): string
}

export interface JobOptions<P extends Schema> {
  readonly name: string
  readonly payload: P
  readonly summary?: string
  readonly description?: string
  /** Default `default`. */
  readonly queue?: string
  readonly attemptsMax?: number
  /** Full jitter between 0 and min(cap, base * 2^attempt). Default 1 s to 10 min. */
  readonly backoff?: Partial<BackoffOption>
  readonly timeoutMs?: number
  readonly priority?: number
  /** While a job with this key waits, enqueuing another changes nothing. */
  key?(payload: OutputOf<P>): string
}

export const jobBounds = {
  attemptsMax: {
    min: 1,
    max: 100,
    default: 20,
    because: '20 attempts at the default backoff span one to two hours; then it is a dead letter',
  },
  timeoutMs: {
    min: 100,
    max: 3_600_000,
    default: 30_000,
    because: 'an attempt holds a worker, and in `run` its locks, for as long as this',
  },
  priority: {
    min: 0,
    max: 9,
    default: 5,
    because: '0 runs first; few levels keep the index narrow',
  },
  baseMs: { min: 1, max: 3_600_000, default: 1_000, because: 'the first retry comes within it' },
  capMs: { min: 1, max: 86_400_000, default: 600_000, because: 'no retry waits longer than it' },
} as const

const QUEUE = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

/** Work that `tx.enqueue` asks for and a worker does, at most 64 KiB of JSON. */
export function defineJob<P extends Schema>(options: JobOptions<P>): JobContract<P> {
  const where = contractName('job', options.name)
  knownOptions(where, options, [...jobNames])
  checkSchema(where, 'payload', options.payload)
  const queue = options.queue ?? 'default'
  if (!QUEUE.test(queue)) throw optionError(where, 'queue', `is ${shown(queue)}; use kebab-case`)
  return definition({
    kind: 'job',
    name: options.name,
    payload: options.payload,
    summary: options.summary,
    description: options.description,
    queue,
    attemptsMax: integerOption(where, 'attemptsMax', options.attemptsMax, jobBounds.attemptsMax),
    backoff: backoffOption(where, options.backoff),
    timeoutMs: integerOption(where, 'timeoutMs', options.timeoutMs, jobBounds.timeoutMs),
    priority: integerOption(where, 'priority', options.priority, jobBounds.priority),
    ...(options.key && { key: options.key }),
  })
}

const jobNames = [
  'name',
  'payload',
  'summary',
  'description',
  'queue',
  'attemptsMax',
  'backoff',
  'timeoutMs',
  'priority',
  'key',
]

/** Of jobs and subscriptions alike. */
export function backoffOption(where: string, given: Partial<BackoffOption> = {}): BackoffOption {
  knownOptions(`${where}, backoff`, given, ['baseMs', 'capMs'])
  const baseMs = integerOption(where, 'backoff.baseMs', given.baseMs, jobBounds.baseMs)
  const capMs = integerOption(where, 'backoff.capMs', given.capMs, jobBounds.capMs)
  if (capMs >= baseMs) return Object.freeze({ baseMs, capMs })
  throw optionError(where, 'backoff.capMs', `is ${capMs} and must not be below baseMs (${baseMs})`)
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*\.[a-z][a-z0-9]*(-[a-z0-9]+)*$/
/** Names stand in every key, audit entry, event and job row. */
const NAME_LENGTH_MAX = 100

/** `command "ordering.place-order"`, once the name is found to be one. */
export function contractName(kind: string, name: string): string {
  const where = `${kind} ${shown(name)}`
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw optionError(where, 'name', 'must be like "module.operation-name", in kebab-case')
  }
  if (name.length <= NAME_LENGTH_MAX) return where
  throw optionError(where, 'name', `must have at most ${NAME_LENGTH_MAX} characters`)
}

function checkSchema(where: string, field: string, schema: Schema): void {
  if (typeof schema?.['~standard']?.validate === 'function') return
  throw optionError(where, field, `is ${shown(schema)} and must be a schema (Standard Schema: zod)`)
}
