/**
 * Schemas by the Standard Schema interface (standardschema.dev, 1.1), so that zod is the default
 * and no requirement. The types are written out here: a type-only copy of a public interface is
 * what its specification recommends in place of a dependency.
 */
export interface Schema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
    readonly jsonSchema?: {
      readonly input: (options: { target: 'draft-2020-12' }) => Record<string, unknown>
      readonly output: (options: { target: 'draft-2020-12' }) => Record<string, unknown>
    }
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** What a caller sends: before defaults and transforms. */
export type InputOf<S extends Schema> = NonNullable<S['~standard']['types']>['input']
/** What a handler receives: after defaults and transforms. */
export type OutputOf<S extends Schema> = NonNullable<S['~standard']['types']>['output']

/** RFC 6901 pointer and message, as they stand in a 422 problem. */
export interface Violation {
  readonly pointer: string
  readonly message: string
}

export type Parsed<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly violations: readonly Violation[] }

/** At most this many violations are told: a reply must stay small whatever was sent. */
const VIOLATIONS_MAX = 50

export function parseWith<Output>(
  schema: Schema<unknown, Output>,
  value: unknown,
): Parsed<Output> | Promise<Parsed<Output>> {
  const result = schema['~standard'].validate(value)
  return result instanceof Promise ? result.then(toParsed) : toParsed(result)
}

function toParsed<Output>(result: SchemaResult<Output>): Parsed<Output> {
  if (result.issues === undefined) return { ok: true, value: result.value }
  return { ok: false, violations: result.issues.slice(0, VIOLATIONS_MAX).map(toViolation) }
}

function toViolation(issue: SchemaIssue): Violation {
  return { pointer: toPointer(issue.path ?? []), message: issue.message }
}

/** RFC 6901: `~` is written `~0` and `/` is written `~1`. */
export function toPointer(path: NonNullable<SchemaIssue['path']>): string {
  return path
    .map((part) => (typeof part === 'object' ? part.key : part))
    .map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
}

export type JsonSchema = Readonly<Record<string, unknown>>

/** The JSON Schema of a schema, for the description and for strictness; undefined where the vendor gives none. */
export function jsonSchemaOf(schema: Schema, side: 'input' | 'output'): JsonSchema | undefined {
  return schema['~standard'].jsonSchema?.[side]({ target: 'draft-2020-12' })
}
