/**
 * What becomes of a request for one operation, from the registry alone: the steps as they apply to
 * it, the SQL of its batches, its round trips and its problems. No database is asked and no handler
 * runs, so what a handler does at run time (its statements, events and jobs) is not told here.
 */
import { didYouMean } from '../base/did-you-mean.ts'
import { HoldfastError } from '../base/fault.ts'
import { variables } from '../runtime/config-variables.ts'
import { CLAIM_WAIT_MS_DEFAULT, RETENTION_MS_DEFAULT } from '../state/idempotency/idempotency.ts'
import { type ExplainedList, explainList } from './explain-list.ts'
import { type ExplainedProblem, explainProblems } from './explain-problems.ts'
import { type ExplainedBatch, explainBatches } from './explain-sql.ts'
import { fieldsOf, requiredFields } from './json-schema.ts'
import type { Limit } from './limit.ts'
import type { RegisteredCommand, RegisteredOperation, Registry } from './registered.ts'
import { describeRule } from './rule.ts'

const UNITS = [
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const

function durationText(ms: number): string {
  const [size, unit] = UNITS.find(([each]) => ms >= each && ms % each === 0) ?? [1, 'ms']
  return `${ms / size} ${unit}`
}

export interface ExplainedStep {
  /** Stable: `admit`, `authenticate`, `limit` ... */
  readonly name: string
  /** Each a sentence without a full stop. */
  readonly facts: readonly string[]
}

export interface RoundTrips {
  readonly when: string
  /** To the database: `1`, `k + 1`. */
  readonly trips: string
}

export interface Explanation {
  readonly name: string
  readonly kind: RegisteredOperation['kind']
  readonly module: string
  readonly summary: string | undefined
  /** `POST /v1/orders`; undefined: only other operations, jobs and subscriptions reach it. */
  readonly http: string | undefined
  readonly steps: readonly ExplainedStep[]
  readonly batches: readonly ExplainedBatch[]
  readonly roundTrips: readonly RoundTrips[]
  readonly problems: readonly ExplainedProblem[]
  /** Where it is a declared list. */
  readonly list: ExplainedList | undefined
}

/** The operation of this name, or HF_USAGE with the name that was meant. */
export function findOperation(registry: Registry, name: string): RegisteredOperation {
  const found = registry.operations.get(name)
  if (found !== undefined) return found
  const hint = didYouMean(name, registry.operations.keys())
  throw new HoldfastError('HF_USAGE', `There is no operation "${name}"${hint || '.'}`)
}

export function explain(operation: RegisteredOperation): Explanation {
  const { name, kind, module, http, contract } = operation
  return {
    name,
    kind,
    module,
    summary: contract.summary,
    http: http && `${http.method} ${http.path}`,
    steps: [...entrySteps(operation), ...workSteps(operation)],
    batches: explainBatches(operation),
    roundTrips: roundTrips(operation),
    problems: explainProblems(operation),
    list: operation.kind === 'query' && operation.list ? explainList(operation.list) : undefined,
  }
}

/** What every kind goes through before its handler. */
function entrySteps(operation: RegisteredOperation): readonly ExplainedStep[] {
  return [
    { name: 'admit', facts: admission(operation) },
    { name: 'authenticate', facts: authentication(operation) },
    { name: 'limit', facts: [limitText(operation.limit)] },
    { name: 'authorize', facts: [describeRule(operation.allow)] },
    { name: 'parse', facts: [...headersAsked(operation), inputText(operation)] },
  ]
}

function workSteps(operation: RegisteredOperation): readonly ExplainedStep[] {
  if (operation.kind === 'command') return commandSteps(operation)
  const around = aroundTexts(operation)
  const reply = { name: 'reply', facts: [replyText(operation)] }
  if (operation.kind === 'action') return [{ name: 'act', facts: [...around, ...actFacts] }, reply]
  const handler = operation.list === undefined ? 'the handler' : 'the declared list'
  const run = {
    name: 'run',
    facts: [...around, `${handler}; a write is refused (HF_QUERY_WRITES)`],
  }
  return [{ name: 'open', facts: queryFacts }, run, reply]
}

const actFacts = [
  'no transaction of its own: it may call outside, and each command it calls commits by itself',
  "the key of each command is derived from the caller's, so that the whole may be tried again",
]

const queryFacts = [
  'read-only, the rows of the tenant alone, with a statement timeout',
  'one batch sees one snapshot; a handler that asks again after its first tick is run anew in one',
]

function admission({ http, timeoutMs }: RegisteredOperation): readonly string[] {
  const own = timeoutMs === undefined ? '' : `; the handler has ${durationText(timeoutMs)} at most`
  if (http === undefined) return [`no HTTP binding: operations, jobs, subscriptions call it${own}`]
  const standard = `REQUEST_TIMEOUT_MS (${variables.REQUEST_TIMEOUT_MS.otherwise} unless set)`
  return [
    'refused at once where HTTP_IN_FLIGHT_MAX requests are under way',
    `deadline: Request-Timeout of the caller, else ${standard}${own}`,
  ]
}

function authentication({ http, kind, authenticate }: RegisteredOperation): readonly string[] {
  if (http === undefined) return ['the principal of whoever calls it']
  if (authenticate !== undefined) return [authenticate.description]
  const again = 'the key is asked again with the first statement: a revoked one stops at once'
  const first = 'API key (Authorization: Bearer ...) to principal and tenant; without one: nobody'
  return kind === 'action' ? [first] : [first, again]
}

function limitText(limit: Limit | undefined): string {
  if (limit === undefined) return 'none'
  const { count, windowMs, per, burst, exact } = limit
  const counting = exact ? 'counted exactly' : 'counted in chunks leased in the background'
  return `${count} in ${durationText(windowMs)} for each ${per}, ${burst} at once, ${counting}`
}

function headersAsked({ contract }: RegisteredOperation): readonly string[] {
  if (contract.kind === 'query') return []
  const ifMatch = contract.kind === 'command' ? contract.ifMatch : undefined
  const natural = 'not needed (natural: twice is once)'
  const key = `Idempotency-Key: ${contract.idempotency === 'required' ? 'required' : natural}`
  return [key, ...(ifMatch === undefined ? [] : [`If-Match: ${ifMatch}`])]
}

function inputText({ inputSchema }: RegisteredOperation): string {
  const required = requiredFields(inputSchema)
  const fields = [...fieldsOf(inputSchema).keys()]
  const told = fields.map((name) => (required.has(name) ? name : `${name}?`))
  return `input: ${told.join(', ') || 'no fields'}; unknown fields are refused`
}

function commandSteps(command: RegisteredCommand): readonly ExplainedStep[] {
  const keyed = command.contract.idempotency === 'required'
  const atRunTime = ['which ones, the handler says at run time']
  return [
    { name: keyed ? 'open and claim' : 'open', facts: openingFacts(command, keyed) },
    { name: 'run', facts: runFacts(command) },
    { name: 'audit', facts: ['one entry, and one for each command called inside'] },
    { name: 'append events', facts: atRunTime },
    { name: 'enqueue, defer', facts: atRunTime },
    { name: 'store the reply', facts: [replyText(command), ...(keyed ? [keptText] : [])] },
    { name: 'commit', facts: ['all of it or nothing; then the loops of this process are woken'] },
  ]
}

function openingFacts(command: RegisteredCommand, keyed: boolean): readonly string[] {
  const isolation = command.isolation.toUpperCase()
  const opening = `${isolation}; nothing is sent before the first statement of the handler`
  return keyed ? [opening, ...duplicateTexts] : [opening]
}

const duplicateTexts = [
  'a key that was used before raises in the server, before any statement of the handler',
  `one that is under way is waited for, ${durationText(CLAIM_WAIT_MS_DEFAULT)} at most`,
]
const keptText = `kept under the key for ${durationText(RETENTION_MS_DEFAULT)}; a retry gets the same bytes`

function runFacts(command: RegisteredCommand): readonly string[] {
  const runs = command.attemptsMax === 1 ? 'once' : `up to ${command.attemptsMax} times`
  return [
    ...aroundTexts(command),
    `runs ${runs}: again from its start where transactions collide`,
    'calls outside are refused (HF_OUTBOUND_IN_TRANSACTION)',
  ]
}

function aroundTexts({ around }: RegisteredOperation): readonly string[] {
  if (around.length === 0) return []
  const names = around.map(({ name }) => name || 'a function without a name')
  return [`inside ${names.join(', then ')}`]
}

function replyText(operation: RegisteredOperation): string {
  const { replyBytesMax } = operation
  const status = operation.kind === 'query' ? 200 : operation.contract.status
  const etag = operation.contract.etag === undefined ? '' : ', with an ETag'
  return `${status}, cut to the output schema, at most ${replyBytesMax} bytes${etag}`
}

function roundTrips(operation: RegisteredOperation): readonly RoundTrips[] {
  if (operation.kind === 'action') return [{ when: 'each operation it calls', trips: 'its own' }]
  if (operation.kind === 'query') return queryTrips
  const keyed = operation.contract.idempotency === 'required'
  return [
    { when: 'k statements, awaited one after the other', trips: 'k + 1' },
    { when: 'statements of one tick (Promise.all)', trips: 'count as one' },
    { when: 'deferred statements, events, jobs', trips: '0' },
    {
      when: 'no statement that is awaited',
      trips: keyed ? '1' : '2, so that a lost COMMIT is found',
    },
    { when: 'a refusal that is kept', trips: 'in place of the closing batch: none of its own' },
    ...(keyed ? [{ when: 'a replay', trips: '2' }] : []),
  ]
}

const queryTrips: readonly RoundTrips[] = [
  { when: 'the statements of one tick', trips: '1' },
  { when: 'k ticks', trips: 'k; the first time 1 more, to learn that there are several' },
]
