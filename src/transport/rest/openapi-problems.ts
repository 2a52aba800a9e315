/** The problems of an operation as OpenAPI responses: declared ones and those it meets anyway. */
import { type JsonSchema, jsonSchemaOf } from '../../base/schema.ts'
import { resolveRef } from '../../operation/json-schema.ts'
import { PROBLEM_CONTENT_TYPE, problemType } from '../../operation/problem.ts'
import {
  type BuiltinProblemCode,
  type ProblemEntry,
  problemCatalogue,
} from '../../operation/problem-catalogue.ts'
import type { RegisteredOperation } from '../../operation/registered.ts'
import type { SharedSchemas } from './openapi-schemas.ts'
import { sampleOf } from './schema-sample.ts'

export const problemSchema: JsonSchema = {
  type: 'object',
  description: 'Problem details (RFC 9457). `code` is stable; branch on it.',
  required: ['type', 'title', 'status', 'instance', 'code'],
  properties: {
    type: { type: 'string', format: 'uri', description: 'Where the problem is documented.' },
    title: { type: 'string' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { type: 'string', description: 'What is wrong here, or what to do next.' },
    instance: { type: 'string', description: 'The request id.' },
    code: { type: 'string', description: 'Stable name of the problem.' },
    errors: {
      type: 'array',
      description: 'With 422: what is wrong, by JSON pointer (RFC 6901) into the input.',
      items: {
        type: 'object',
        required: ['pointer', 'message'],
        properties: { pointer: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
}

interface Told extends ProblemEntry {
  readonly code: string
  readonly declared: boolean
  readonly members?: JsonSchema | undefined
  readonly sample?: unknown
}

/** Responses that several operations have in common, by name. */
export class SharedResponses {
  readonly #responses = new Map<string, object>()

  all(): Record<string, object> {
    const sorted = [...this.#responses].sort(([left], [right]) => (left < right ? -1 : 1))
    return Object.fromEntries(sorted)
  }

  /** `idempotency-key-missing` and `malformed` as `IdempotencyKeyMissingOrMalformed`. */
  share(status: number, told: readonly Told[]): object {
    const codes = told.map(({ code }) => code).sort()
    const name = codes.map(pascal).join('Or')
    if (!this.#responses.has(name)) this.#responses.set(name, response(status, told))
    return { $ref: `#/components/responses/${name}` }
  }
}

function pascal(code: string): string {
  return code.replaceAll(/(?:^|-)([a-z])/g, (_match, letter: string) => letter.toUpperCase())
}

/** Responses by status, in order. */
export function problemResponses(
  operation: RegisteredOperation,
  schemas: SharedSchemas,
  responses: SharedResponses,
): Record<string, object> {
  const byStatus = new Map<number, Told[]>()
  for (const told of problemsOf(operation, schemas)) {
    const others = byStatus.get(told.status) ?? []
    if (others.some(({ code }) => code === told.code)) continue
    byStatus.set(told.status, [...others, told])
  }
  const sorted = [...byStatus].sort(([left], [right]) => left - right)
  return Object.fromEntries(
    sorted.map(([status, told]) => [
      `${status}`,
      told.some(({ declared }) => declared)
        ? response(status, told)
        : responses.share(status, told),
    ]),
  )
}

function problemsOf(operation: RegisteredOperation, schemas: SharedSchemas): Told[] {
  const declared = [...operation.problems].map(([code, { definition }]): Told => {
    const { status, title, description, members } = definition
    const schema = members && jsonSchemaOf(members, 'output')
    const shared = schema && schemas.share(open(schema), 'Output')
    const sample = schema && sampleOf(schema)
    const next = description ?? title
    return { code, declared: true, status, title, next, members: shared, sample }
  })
  const builtin = builtinCodes(operation).map(
    (code): Told => ({ code, declared: false, ...problemCatalogue[code] }),
  )
  return [...declared, ...builtin]
}

/** Members stand beside the standard ones: a schema that allows no others would allow nothing. */
function open(schema: JsonSchema): JsonSchema {
  const { additionalProperties: _closed, ...rest } = resolveRef(schema, schema)
  return schema.$defs === undefined ? rest : { ...rest, $defs: schema.$defs }
}

function builtinCodes(operation: RegisteredOperation): BuiltinProblemCode[] {
  const { contract, http } = operation
  const keyed = contract.kind !== 'query' && contract.idempotency === 'required'
  const ifMatch = contract.kind === 'command' ? contract.ifMatch : undefined
  const when = (holds: boolean, ...codes: BuiltinProblemCode[]) => (holds ? codes : [])
  return [
    'malformed',
    ...when(keyed, 'idempotency-key-missing', 'idempotency-in-progress', 'idempotency-key-reused'),
    ...when(contract.kind === 'command' && contract.secret, 'reply-not-kept'),
    'unauthenticated',
    'forbidden',
    'not-found',
    ...when(ifMatch !== undefined, 'precondition-failed'),
    ...when(ifMatch === 'required', 'precondition-required'),
    ...when(
      http?.hasBody === true,
      'request-timeout',
      'payload-too-large',
      'unsupported-media-type',
    ),
    'validation',
    ...when(operation.limit !== undefined, 'rate-limited'),
    'headers-too-large',
    'internal',
    'unavailable',
    'deadline-exceeded',
  ]
}

function response(status: number, told: readonly Told[]): object {
  return {
    description: told.map(({ code, title }) => `\`${code}\`: ${title}.`).join(' '),
    headers: {
      'X-Request-Id': { $ref: '#/components/headers/RequestId' },
      ...([409, 429, 503].includes(status)
        ? { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }
        : {}),
    },
    content: {
      [PROBLEM_CONTENT_TYPE]: {
        schema: schemaOf(told),
        examples: Object.fromEntries(told.map((each) => [each.code, example(each)])),
      },
    },
  }
}

function schemaOf(told: readonly Told[]): JsonSchema {
  const problem = { $ref: '#/components/schemas/Problem' }
  const plain = told.filter(({ members }) => members === undefined).map(({ code }) => code)
  const parts = told.flatMap(({ code, members }) =>
    members === undefined ? [] : [{ allOf: [problem, members, codeIs([code])] }],
  )
  if (parts.length === 0) return { allOf: [problem, codeIs(plain)] }
  if (plain.length > 0) parts.push({ allOf: [problem, codeIs(plain)] } as (typeof parts)[number])
  return parts.length === 1 ? (parts[0] as JsonSchema) : { oneOf: parts }
}

function codeIs(codes: readonly string[]): JsonSchema {
  const values = codes.length === 1 ? { const: codes[0] } : { enum: codes }
  return { type: 'object', properties: { code: values } }
}

function example({ code, status, title, next, sample }: Told): object {
  const errors =
    code === 'validation' ? { errors: [{ pointer: '/quantity', message: 'must be positive' }] } : {}
  const type = problemType(code)
  const instance = '019a5f3e-7c1d-7000-8a5b-3f2e1d0c9b8a'
  return {
    value: {
      ...errors,
      ...(sample as object | undefined),
      type,
      title,
      status,
      detail: next,
      instance,
      code,
    },
  }
}
