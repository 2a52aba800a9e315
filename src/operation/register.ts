/** From one definition to its registered form: defaults filled in, schemas compiled, bindings checked. */
import { type JsonSchema, jsonSchemaOf, type Schema } from '../base/schema.ts'
import type { CursorSeal } from '../database/page.ts'
import { staging } from '../state/staging/staging.ts'
import type { HttpBinding } from './binding.ts'
import {
  backoffOption,
  type CommandContract,
  jobBounds,
  type OperationContract,
} from './contract.ts'
import type {
  AnyCommandHandler,
  AnyJobHandler,
  AnyOperationHandler,
  AnySubscriptionHandler,
  HandlerDefinition,
  SubscriptionDefinition,
} from './handler.ts'
import { handlerBounds } from './handler-options.ts'
import { compileAssemble } from './input.ts'
import { fieldsOf, type JsonType, requiredFields, typesOf } from './json-schema.ts'
import { parseLimit } from './limit.ts'
import type { ListContract } from './list-contract.ts'
import {
  type AnyListHandler,
  type ListPlan,
  type ListRun,
  listFindings,
  listPlan,
  runList,
} from './list-handler.ts'
import { failOf, type ProblemMap, problemCode } from './problem.ts'
import type {
  DeclaredProblem,
  RegisteredJob,
  RegisteredOperation,
  RegisteredSubscription,
} from './registered.ts'
import type { StreamedInput } from './streamed-input.ts'
import { compileStrict } from './strict.ts'

/** Takes a complaint and goes on: all of them are told together. */
export type Complain = (finding: string) => void

export function registerOperation(
  module: string,
  definition: HandlerDefinition,
  seal: CursorSeal,
  complain: Complain,
): RegisteredOperation {
  const contract = definition.contract as OperationContract
  const { handler, list } = runnable(definition, seal, complain)
  const where = `${contract.kind} "${contract.name}"`
  if (typeof handler.allow !== 'function') {
    complain(`${where} has no rule: say who may, with \`allow\` in its handler`)
  }
  checkSigned(where, contract, handler, complain)
  const inputSchema = described(where, 'input', contract.input, complain)
  const outputSchema = described(where, 'output', contract.output, complain)
  const streamed = streamedBy(contract)
  if (contract.http !== undefined) {
    checkBinding(where, contract.http, inputSchema, streamed?.field, complain)
  }
  if (streamed !== undefined) checkStreamed(where, streamed.field, inputSchema, complain)
  if (contract.replyType !== undefined && outputSchema.type !== 'string') {
    complain(`${where} replies with ${contract.replyType}: its output must be a string, the text`)
  }
  return Object.freeze({
    kind: contract.kind,
    contract,
    handler: streamed === undefined ? handler : adopting(handler, streamed),
    name: contract.name,
    module,
    http: contract.http,
    allow: handler.allow,
    authenticate: 'authenticate' in handler ? handler.authenticate : undefined,
    limit: handler.limit && parseLimit(where, handler.limit),
    around: [handler.around ?? []].flat(),
    timeoutMs: handler.timeoutMs,
    replyBytesMax: handler.replyBytesMax ?? handlerBounds.replyBytesMax.default,
    inputSchema,
    outputSchema,
    ...problemParts(where, contract.problems, complain),
    unknownFields: compileStrict(inputSchema),
    assemble: contract.http && compileAssemble(contract.http, inputSchema),
    ...kindParts(contract.kind, handler, list),
  }) as RegisteredOperation
}

/** The key of a signed message is the sender's id of it: what takes no key would take it twice. */
function checkSigned(
  where: string,
  contract: OperationContract,
  handler: AnyOperationHandler,
  complain: Complain,
): void {
  if (!('authenticate' in handler) || handler.authenticate === undefined) return
  if (contract.http?.hasBody !== true) {
    complain(`${where} has \`authenticate\` and no body to be signed: give it an HTTP binding`)
  }
  if (contract.kind === 'action') return
  if ((contract as CommandContract).idempotency !== 'required') {
    complain(`${where} has \`authenticate\`, so its idempotency must be "required"`)
  }
}

/** A list's handler is made from its declaration; all others bring their own. */
function runnable(definition: HandlerDefinition, seal: CursorSeal, complain: Complain) {
  if (!('from' in definition.handler)) {
    return { handler: definition.handler as AnyOperationHandler, list: undefined }
  }
  const contract = definition.contract as unknown as ListContract
  const declared: AnyListHandler = definition.handler
  const findings = listFindings(contract, declared)
  for (const finding of findings) complain(`list "${contract.name}": ${finding}`)
  const list = listPlan(contract, declared)
  const run = (context: unknown) => runList(list, seal, context as ListRun)
  return { handler: { ...declared, run } as unknown as AnyOperationHandler, list }
}

function kindParts(
  kind: OperationContract['kind'],
  handler: AnyOperationHandler,
  list: ListPlan | undefined,
) {
  if (kind === 'query') return { list }
  if (kind === 'action') return {}
  const { isolation, attemptsMax } = handler as AnyCommandHandler
  return {
    isolation: isolation ?? 'serializable',
    attemptsMax: attemptsMax ?? handlerBounds.attemptsMax.default,
  }
}

function problemParts(where: string, problems: ProblemMap, complain: Complain) {
  const constraints = new Map<string, DeclaredProblem>()
  const byCode = new Map<string, DeclaredProblem>()
  for (const [key, definition] of Object.entries(problems)) {
    byCode.set(problemCode(key), { key, definition })
    for (const constraint of definition.constraints) {
      const other = constraints.get(constraint)
      if (other !== undefined) {
        const both = `both "${other.key}" and "${key}"`
        complain(`${where}: the constraint "${constraint}" is named by ${both}`)
      }
      constraints.set(constraint, { key, definition })
    }
  }
  return { problems: byCode, constraints, fail: failOf(problems) }
}

/** The JSON Schema: strictness, coercion and the description need it. */
function described(
  where: string,
  side: 'input' | 'output',
  schema: Schema,
  complain: Complain,
): JsonSchema {
  try {
    const found = jsonSchemaOf(schema, side)
    if (found !== undefined) return found
    complain(
      `${where}: ${side} gives no JSON Schema; use a schema library that does, as zod 4 does`,
    )
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    complain(`${where}: ${side} has no JSON Schema: ${reason}`)
  }
  return {}
}

const scalarTypes: readonly JsonType[] = ['string', 'number', 'integer', 'boolean']

function checkBinding(
  where: string,
  http: HttpBinding,
  schema: JsonSchema,
  streamedField: string | undefined,
  complain: Complain,
): void {
  const fields = fieldsOf(schema)
  const required = requiredFields(schema)
  for (const name of http.params) {
    const field = fields.get(name)
    if (field === undefined) {
      complain(`${where}: {${name}} stands in its path and is no field of its input`)
    } else if (!required.has(name) || !isScalar(schema, field)) {
      complain(`${where}: {${name}} stands in its path, so the field must be required and scalar`)
    }
  }
  if (http.hasBody) return
  for (const [name, field] of fields) {
    if (name === streamedField) continue
    if (isScalar(schema, field) || isScalarList(schema, field)) continue
    const body = streamedField === undefined ? `${http.method} has no body` : 'the body is a stream'
    const reason = `${body}, and a query holds scalars and lists of them`
    complain(`${where}: the field "${name}" cannot travel: ${reason}`)
  }
}

function streamedBy(contract: OperationContract): StreamedInput | undefined {
  return contract.kind === 'command' ? (contract as CommandContract).streamed : undefined
}

function checkStreamed(where: string, name: string, schema: JsonSchema, complain: Complain): void {
  const field = fieldsOf(schema).get(name)
  const types = field === undefined ? [] : [...typesOf(schema, field)]
  if (requiredFields(schema).has(name) && types.length === 1 && types[0] === 'string') return
  complain(
    `${where}: its stream is handed over in "${name}", which must be a required string of its input`,
  )
}

/** The command takes the content in its own transaction: both are kept, or neither. */
function adopting(handler: AnyOperationHandler, streamed: StreamedInput): AnyOperationHandler {
  const { run, ...rest } = handler as AnyCommandHandler
  return {
    ...rest,
    run(context: Parameters<AnyCommandHandler['run']>[0]) {
      const id = (context.input as Readonly<Record<string, string>>)[streamed.field] as string
      context.tx.defer(staging.adopt(id, streamed.keptMs))
      return run.call(handler as AnyCommandHandler, context)
    },
  }
}

function isScalar(root: JsonSchema, field: JsonSchema): boolean {
  const types = typesOf(root, field)
  return types.size > 0 && [...types].every((type) => type === 'null' || scalarTypes.includes(type))
}

function isScalarList(root: JsonSchema, field: JsonSchema): boolean {
  const types = [...typesOf(root, field)].filter((type) => type !== 'array')
  return (
    types.length < typesOf(root, field).size && types.every((type) => scalarTypes.includes(type))
  )
}

export function registerJob(module: string, definition: HandlerDefinition): RegisteredJob {
  const contract = definition.contract as RegisteredJob['contract']
  const handler = definition.handler as AnyJobHandler
  const isolation = ('isolation' in handler ? handler.isolation : undefined) ?? 'serializable'
  return Object.freeze({ name: contract.name, module, contract, handler, isolation })
}

export function registerSubscription(
  module: string,
  definition: SubscriptionDefinition,
): RegisteredSubscription {
  const handler: AnySubscriptionHandler = definition.handler
  return Object.freeze({
    name: definition.name,
    module,
    event: definition.event,
    handler,
    isolation: handler.isolation ?? 'serializable',
    attemptsMax: handler.attemptsMax ?? handlerBounds.subscriptionAttemptsMax.default,
    backoff: backoffOption(`subscription "${definition.name}"`, handler.backoff),
    timeoutMs: handler.timeoutMs ?? jobBounds.timeoutMs.default,
  })
}
