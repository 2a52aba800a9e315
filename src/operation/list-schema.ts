/** The schemas of a list, put together from those of its filters and of its item. */
import {
  type InputOf,
  type JsonSchema,
  jsonSchemaOf,
  type OutputOf,
  type Schema,
  type SchemaIssue,
  type SchemaResult,
} from '../base/schema.ts'
import type { RangeBound } from '../database/list-sql.ts'
import { CURSOR_LENGTH_MAX } from '../database/page.ts'
import type { Filter, ListFacts, Page } from './list-contract.ts'

/** One query parameter: how it is checked and described. */
interface Parameter {
  readonly schema: Schema
  readonly several: boolean
}

export const rangeBounds: readonly RangeBound[] = ['gte', 'gt', 'lte', 'lt']
/** More values are a join, not a filter. */
const SEVERAL_MAX = 50

/** `required`: filters that stand in the path. */
export function inputSchema<Sent, Request>(
  list: ListFacts,
  required: readonly string[],
): Schema<Sent, Request> {
  const parameters = new Map([...filterParameters(list), ...pageParameters(list)])
  const defaults = { limit: list.page.default, sort: list.sorts[0]?.token }
  const described = () => ({
    ...objectSchema(parameters),
    ...(required.length > 0 && { required: [...required] }),
  })
  return {
    '~standard': {
      version: 1,
      vendor: 'holdfast',
      validate: (value) =>
        validateAll({ parameters, required, defaults }, value) as SchemaResult<Request>,
      jsonSchema: { input: described, output: described },
    },
  }
}

function* filterParameters(list: ListFacts): Iterable<[string, Parameter]> {
  for (const [name, filter] of Object.entries(list.filters)) {
    for (const parameter of parameterNames(name, filter)) {
      yield [parameter, { schema: filter.value, several: filter.kind === 'oneOf' }]
    }
  }
}

export function parameterNames(name: string, filter: Filter): readonly string[] {
  return filter.kind === 'range' ? rangeBounds.map((bound) => `${name}.${bound}`) : [name]
}

function* pageParameters(list: ListFacts): Iterable<[string, Parameter]> {
  const tokens = list.sorts.map((sort) => sort.token)
  const { max, default: preset } = list.page
  const limit = { type: 'integer', minimum: 1, maximum: max, default: preset }
  yield ['limit', plain(limit, (value) => isLimit(value, max), `must be 1 to ${max}`)]
  yield ['cursor', plain(cursorSchema, isCursor, 'must be the next_cursor of a page')]
  const sort = { type: 'string', enum: tokens, default: tokens[0] }
  const known = `must be one of ${tokens.map((token) => `"${token}"`).join(', ')}`
  yield ['sort', plain(sort, (value) => tokens.includes(value as string), known)]
  if (list.search === undefined) return
  const { lengthMin, lengthMax } = list.search
  const q = { type: 'string', minLength: lengthMin, maxLength: lengthMax }
  const fits = (value: unknown) =>
    typeof value === 'string' && value.length >= lengthMin && value.length <= lengthMax
  yield ['q', plain(q, fits, `must have ${lengthMin} to ${lengthMax} characters`)]
}

const cursorSchema = { type: 'string', minLength: 1, maxLength: CURSOR_LENGTH_MAX }

function isCursor(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= CURSOR_LENGTH_MAX
}

function isLimit(value: unknown, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max
}

function plain(
  described: JsonSchema,
  fits: (value: unknown) => boolean,
  message: string,
): Parameter {
  const jsonSchema = () => ({ ...described })
  const schema: Schema = {
    '~standard': {
      version: 1,
      vendor: 'holdfast',
      validate: (value) => (fits(value) ? { value } : { issues: [{ message }] }),
      jsonSchema: { input: jsonSchema, output: jsonSchema },
    },
  }
  return { schema, several: false }
}

type Result = SchemaResult<unknown> | Promise<SchemaResult<unknown>>

interface Asked {
  readonly parameters: ReadonlyMap<string, Parameter>
  readonly required: readonly string[]
  readonly defaults: Readonly<Record<string, unknown>>
}

function validateAll({ parameters, required, defaults }: Asked, value: unknown): Result {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { issues: [{ message: 'expected an object' }] }
  }
  const given = Object.entries(value).filter(([, each]) => each !== undefined)
  const missing = required.find((name) => !given.some(([known]) => known === name))
  if (missing !== undefined) return { issues: [{ path: [missing], message: 'is required' }] }
  const results = given.map(([name, each]): [string, Result] => {
    const parameter = parameters.get(name)
    return [name, parameter ? validateOne(parameter, each) : { issues: [unknownParameter(name)] }]
  })
  return gather(results, (entries) => ({ ...defaults, ...Object.fromEntries(entries) }))
}

function unknownParameter(name: string): SchemaIssue {
  return { message: `unknown parameter "${name}"` }
}

function validateOne({ schema, several }: Parameter, value: unknown): Result {
  if (!several || !Array.isArray(value)) return schema['~standard'].validate(value)
  if (value.length === 0 || value.length > SEVERAL_MAX) {
    return { issues: [{ message: `must be 1 to ${SEVERAL_MAX} values` }] }
  }
  const results = value.map((item, index): [number, Result] => [
    index,
    schema['~standard'].validate(item),
  ])
  return gather(results, (entries) => entries.map(([, item]) => item))
}

/** Joins results into one; waits only where a schema made it a promise. */
function gather<K extends PropertyKey>(
  results: readonly (readonly [K, Result])[],
  join: (entries: (readonly [K, unknown])[]) => unknown,
): Result {
  if (results.some(([, result]) => result instanceof Promise)) {
    const settled = results.map(async ([key, result]) => [key, await result] as const)
    return Promise.all(settled).then((known) => gather(known, join))
  }
  const issues: SchemaIssue[] = []
  const entries: (readonly [K, unknown])[] = []
  for (const [key, result] of results as readonly (readonly [K, SchemaResult<unknown>])[]) {
    if (result.issues === undefined) entries.push([key, result.value])
    else
      issues.push(
        ...result.issues.map((issue) => ({ ...issue, path: [key, ...(issue.path ?? [])] })),
      )
  }
  return issues.length > 0 ? { issues } : { value: join(entries) }
}

/** `{ data, next_cursor }` around an item. */
export function pageSchema<I extends Schema>(item: I): Schema<Page<InputOf<I>>, Page<OutputOf<I>>> {
  const described = (side: 'input' | 'output') => () => pageJsonSchema(item, side)
  return {
    '~standard': {
      version: 1,
      vendor: 'holdfast',
      validate: (value) => validatePage(item, value) as SchemaResult<Page<OutputOf<I>>>,
      jsonSchema: { input: described('input'), output: described('output') },
    },
  }
}

function validatePage(item: Schema, value: unknown): Result {
  const page = value as Partial<Page<unknown>> | null | undefined
  if (!Array.isArray(page?.data)) return { issues: [{ message: 'expected data', path: ['data'] }] }
  const rows = page.data.map((row: unknown, index): [number, Result] => [
    index,
    item['~standard'].validate(row),
  ])
  const next_cursor = page.next_cursor ?? null
  const data = gather(rows, (entries) => entries.map(([, row]) => row))
  return gather([['data', data]], ([entry]) => ({ data: entry?.[1], next_cursor }))
}

function pageJsonSchema(item: Schema, side: 'input' | 'output'): JsonSchema {
  const definitions: Record<string, unknown> = {}
  return {
    type: 'object',
    properties: {
      data: { type: 'array', items: embedded(item, side, definitions) },
      next_cursor: { type: ['string', 'null'], description: 'Null on the last page.' },
    },
    required: ['data', 'next_cursor'],
    additionalProperties: false,
    ...(Object.keys(definitions).length > 0 && { $defs: definitions }),
  }
}

function objectSchema(parameters: ReadonlyMap<string, Parameter>): Record<string, unknown> {
  const definitions: Record<string, unknown> = {}
  const properties = Object.fromEntries(
    [...parameters].map(([name, { schema, several }]) => {
      const one = embedded(schema, 'input', definitions)
      const many = { type: 'array', items: one, minItems: 1, maxItems: SEVERAL_MAX }
      return [name, several ? { anyOf: [one, many] } : one]
    }),
  )
  const defined = Object.keys(definitions).length > 0 && { $defs: definitions }
  return { type: 'object', properties, additionalProperties: false, ...defined }
}

/** A schema inside another: its definitions move up, so that references to them still hold. */
function embedded(
  schema: Schema,
  side: 'input' | 'output',
  definitions: Record<string, unknown>,
): JsonSchema {
  const { $schema: _, $defs, ...rest } = jsonSchemaOf(schema, side) ?? {}
  Object.assign(definitions, $defs)
  return rest
}
