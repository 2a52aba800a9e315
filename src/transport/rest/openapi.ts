/**
 * OpenAPI 3.1 from the registry: the same operations that are served, so that the description cannot
 * differ from what runs. The text is the same for the same app, byte for byte.
 */
import type { JsonSchema } from '../../base/schema.ts'
import type { HttpBinding } from '../../operation/binding.ts'
import type { CommandContract, Example } from '../../operation/contract.ts'
import { fieldsOf, requiredFields } from '../../operation/json-schema.ts'
import type { RegisteredOperation, Registry } from '../../operation/registered.ts'
import { anyone } from '../../operation/rule.ts'
import type { StreamedInput } from '../../operation/streamed-input.ts'
import { componentHeaders, componentParameters } from './openapi-components.ts'
import { problemResponses, problemSchema, SharedResponses } from './openapi-problems.ts'
import { SharedSchemas, without, withoutFields } from './openapi-schemas.ts'

/** How an API is called in its description. */
export interface ApiInfo {
  readonly title: string
  readonly version: string
  readonly description?: string
  /** Absolute, without a trailing slash. */
  readonly publicUrl?: string | undefined
}

/** What the docs page and the tests read of a description. */
export interface OpenApi {
  readonly openapi: string
  readonly info: object
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>
  readonly components: Readonly<Record<string, object>>
}

/** The description of an app in OpenAPI 3.1, the same text for the same app. */
export function openApi(registry: Registry, info: ApiInfo): OpenApi {
  const shared: Shared = { schemas: new SharedSchemas(), responses: new SharedResponses() }
  const { publicUrl, ...about } = info
  const paths = pathsOf(registry, shared)
  const tags = [...new Set(bound(registry).map(({ module }) => module))].sort()
  return {
    openapi: '3.1.0',
    info: about,
    ...(publicUrl === undefined ? {} : { servers: [{ url: publicUrl }] }),
    tags: tags.map((name) => ({ name })),
    security: [{ apiKey: [] }],
    paths,
    components: {
      schemas: { ...shared.schemas.all(), Problem: problemSchema },
      responses: shared.responses.all(),
      parameters: componentParameters,
      headers: componentHeaders,
      securitySchemes: securitySchemes(registry),
    },
  } as OpenApi
}

function securitySchemes(registry: Registry): object {
  const apiKey = {
    type: 'http',
    scheme: 'bearer',
    description: 'Authorization: Bearer <API key>',
  }
  const signed = bound(registry).some(({ authenticate }) => authenticate !== undefined)
  return signed ? { apiKey, signature } : { apiKey }
}

const signature = {
  type: 'apiKey',
  in: 'header',
  name: 'webhook-signature',
  description: 'Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature',
}

interface Shared {
  readonly schemas: SharedSchemas
  readonly responses: SharedResponses
}

type Bound = RegisteredOperation & { readonly http: HttpBinding }

function bound(registry: Registry): Bound[] {
  return [...registry.operations.values()].filter(
    (operation): operation is Bound => operation.http !== undefined,
  )
}

const METHOD_ORDER = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

function pathsOf(registry: Registry, shared: Shared): OpenApi['paths'] {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of bound(registry).sort(byRoute)) {
    const { method, path } = operation.http
    paths[path] ??= {}
    paths[path][method.toLowerCase()] = described(operation, shared)
  }
  return paths
}

function byRoute({ http: left }: Bound, { http: right }: Bound): number {
  if (left.path !== right.path) return left.path < right.path ? -1 : 1
  return METHOD_ORDER.indexOf(left.method) - METHOD_ORDER.indexOf(right.method)
}

function described(operation: Bound, { schemas, responses }: Shared): object {
  const { contract } = operation
  const description = descriptionOf(operation)
  return {
    operationId: operation.name,
    tags: [operation.module],
    summary: contract.summary ?? summaryOf(operation.name),
    ...(description === '' ? {} : { description }),
    ...securityOf(operation),
    parameters: parametersOf(operation, schemas),
    ...requestBody(operation, schemas),
    responses: {
      ...success(operation, schemas),
      ...problemResponses(operation, schemas, responses),
    },
    'x-holdfast-kind': operation.kind,
  }
}

function securityOf({ allow, authenticate }: Bound): object {
  if (authenticate !== undefined) return { security: [{ signature: [] }] }
  return allow === anyone ? { security: [{ apiKey: [] }, {}] } : {}
}

/** `ordering.place-order` as `Place order`. */
function summaryOf(name: string): string {
  const words = name.slice(name.indexOf('.') + 1).replaceAll('-', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function descriptionOf({ contract, allow, limit }: Bound): string {
  const parts = [
    contract.description ?? '',
    allow.description === undefined ? '' : `Allowed: ${allow.description}.`,
    limit === undefined
      ? ''
      : `Limit: ${limit.count} in ${limit.windowMs / 1000} s for each ${limit.per}.`,
  ]
  return parts.filter(Boolean).join('\n\n')
}

function requestBody(operation: Bound, schemas: SharedSchemas): object {
  const streamed = streamedBy(operation)
  if (streamed !== undefined) return { requestBody: streamOf(streamed) }
  if (!operation.http.hasBody || !hasBodyFields(operation)) return {}
  return { requestBody: bodyOf(operation, schemas) }
}

function streamedBy({ contract }: Bound): StreamedInput | undefined {
  return contract.kind === 'command' ? (contract as CommandContract).streamed : undefined
}

/** OpenAPI 3.1, 4.8.14.2: bytes have no schema beside their media type. */
function streamOf({ contentTypes, bytesMax }: StreamedInput): object {
  const content = Object.fromEntries(contentTypes.map((type) => [type, {}]))
  return { description: `A stream of at most ${bytesMax} bytes.`, required: true, content }
}

function parametersOf(operation: Bound, schemas: SharedSchemas): object[] {
  const { contract, http, inputSchema } = operation
  const shared = (name: string) => ({ $ref: `#/components/parameters/${name}` })
  const required = requiredFields(inputSchema)
  const streamedField = streamedBy(operation)?.field
  const fields = [...fieldsOf(inputSchema)].filter(
    ([name]) => name !== streamedField && (!http.hasBody || http.params.includes(name)),
  )
  const own = fields.map(([name, schema]) => {
    const inPath = http.params.includes(name)
    return parameter(name, inPath, required, withDefs(schema, inputSchema), schemas)
  })
  const headers: string[] = []
  // A signed message has its id for a key.
  if (contract.kind !== 'query' && operation.authenticate === undefined)
    headers.push(contract.idempotency === 'required' ? 'IdempotencyKey' : 'OptionalIdempotencyKey')
  if (contract.kind === 'command' && contract.ifMatch !== undefined)
    headers.push(contract.ifMatch === 'required' ? 'IfMatch' : 'OptionalIfMatch')
  if (contract.kind === 'query' && contract.etag !== undefined) headers.push('IfNoneMatch')
  return [...own, ...[...headers, 'RequestTimeout', 'RequestId'].map(shared)]
}

function parameter(
  name: string,
  inPath: boolean,
  required: ReadonlySet<string>,
  field: JsonSchema,
  schemas: SharedSchemas,
): object {
  const { description, ...schema } = schemas.share(field, 'Input')
  return {
    name,
    in: inPath ? 'path' : 'query',
    ...(description === undefined ? {} : { description }),
    required: inPath || required.has(name),
    schema,
  }
}

/** A field by itself still refers to the definitions of the whole. */
function withDefs(field: JsonSchema, root: JsonSchema): JsonSchema {
  return root.$defs === undefined ? field : { ...field, $defs: root.$defs }
}

function hasBodyFields({ http, inputSchema }: Bound): boolean {
  const fields = [...fieldsOf(inputSchema).keys()]
  return fields.length === 0 || fields.some((name) => !http.params.includes(name))
}

function bodyOf({ http, inputSchema, contract }: Bound, schemas: SharedSchemas): object {
  const schema = http.params.length === 0 ? inputSchema : withoutPath(inputSchema, http.params)
  const inputs = contract.examples.map(({ summary, input }) => ({
    ...(summary === undefined ? {} : { summary }),
    value: isObject(input) ? without(input, http.params) : input,
  }))
  const required = [...requiredFields(inputSchema)].some((name) => !http.params.includes(name))
  return {
    required,
    content: {
      'application/json': { schema: schemas.share(schema, 'Input'), ...examples(inputs) },
    },
  }
}

/** A named input is written out: under its name it still has the fields of the path. */
function withoutPath(schema: JsonSchema, params: readonly string[]): JsonSchema {
  const definitions = schema.$defs as Record<string, JsonSchema> | undefined
  const name = typeof schema.$ref === 'string' ? schema.$ref.replace('#/$defs/', '') : undefined
  const target = name === undefined ? undefined : definitions?.[name]
  if (target === undefined) return withoutFields(schema, params)
  const others = without(definitions ?? {}, [name as string])
  return { ...withoutFields(target, params), $defs: others }
}

function success(operation: Bound, schemas: SharedSchemas): Record<string, object> {
  const { contract, outputSchema } = operation
  const status = contract.kind === 'query' ? 200 : contract.status
  const outputs = contract.examples.filter(hasOutput).map(({ summary, output }) => ({
    ...(summary === undefined ? {} : { summary }),
    value: output,
  }))
  const headers = replyHeaders(operation)
  const schema = schemas.share(outputSchema, 'Output')
  const type = contract.replyType ?? 'application/json'
  const content = { [type]: { schema, ...examples(outputs) } }
  const replies = { [status]: { description: descriptionOfStatus(status), headers, content } }
  if (contract.kind !== 'query' || contract.etag === undefined) return replies
  return { ...replies, 304: { description: 'Not modified since If-None-Match.' } }
}

function replyHeaders({ contract, limit, outputSchema }: Bound): Record<string, object> {
  const ref = (name: string) => ({ $ref: `#/components/headers/${name}` })
  const headers: Record<string, object> = { 'X-Request-Id': ref('RequestId') }
  if (contract.etag !== undefined) headers.ETag = ref('ETag')
  if (contract.kind === 'command' && (contract as CommandContract).location !== undefined)
    headers.Location = { description: 'Where the result is found.', schema: { type: 'string' } }
  if (contract.kind !== 'query') headers['Idempotency-Replayed'] = ref('IdempotencyReplayed')
  if (fieldsOf(outputSchema).has('next_cursor')) headers.Link = ref('Link')
  if (limit !== undefined) {
    headers['RateLimit-Policy'] = ref('RateLimitPolicy')
    headers.RateLimit = ref('RateLimit')
  }
  return headers
}

function descriptionOfStatus(status: number): string {
  if (status === 201) return 'Created.'
  return status === 202 ? 'Accepted; it will be done.' : 'Done.'
}

function examples(list: readonly { readonly value: unknown }[]): object {
  if (list.length === 0) return {}
  return { examples: Object.fromEntries(list.map((each, index) => [`example${index + 1}`, each])) }
}

function hasOutput(example: Example): boolean {
  return example.output !== undefined
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
