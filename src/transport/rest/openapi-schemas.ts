/** The schemas of a description: named ones once, under `components`, referred to from everywhere. */
import type { JsonSchema } from '../../base/schema.ts'

const LOCAL = '#/$defs/'
const SHARED = '#/components/schemas/'

export class SharedSchemas {
  readonly #schemas = new Map<string, JsonSchema>()

  /** Sorted by name, so that the description is the same text each time. */
  all(): Record<string, JsonSchema> {
    const sorted = [...this.#schemas].sort(([left], [right]) => (left < right ? -1 : 1))
    return Object.fromEntries(sorted)
  }

  /**
   * The schema with its `$defs` moved under `components`. Two schemas of one name that differ, such
   * as the two sides of a transform, are kept apart: the second carries `side` in its name.
   */
  share(schema: JsonSchema, side: 'Input' | 'Output'): JsonSchema {
    const { $schema: _dialect, $defs, ...rest } = schema
    const definitions = Object.entries(($defs ?? {}) as Record<string, JsonSchema>)
    const names = new Map(definitions.map(([name]) => [name, componentName(name)]))
    for (const [name, definition] of definitions) {
      const taken = this.#schemas.get(names.get(name) as string)
      const own = JSON.stringify(this.#rewrite(definition, names, side))
      if (taken !== undefined && JSON.stringify(taken) !== own)
        names.set(name, `${componentName(name)}${side}`)
    }
    for (const [name, definition] of definitions)
      this.#schemas.set(names.get(name) as string, this.#rewrite(definition, names, side))
    return this.#rewrite(rest, names, side)
  }

  #rewrite(schema: JsonSchema, names: ReadonlyMap<string, string>, side: string): JsonSchema {
    return rewrite(schema, names, side === 'Input') as JsonSchema
  }
}

/** OpenAPI 3.1 §4.8.7: `^[a-zA-Z0-9.\-_]+$`. */
function componentName(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9.\-_]/g, '_')
}

/** References moved; objects of an input closed, because unknown fields are refused. */
function rewrite(value: unknown, names: ReadonlyMap<string, string>, close: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => rewrite(item, names, close))
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(value)) {
    // Parts of an intersection know only their own fields: none of them may be closed.
    if (key === '$ref' && typeof inner === 'string') copy.$ref = moved(inner, names)
    else copy[key] = rewrite(inner, names, close && key !== 'allOf')
  }
  if (close && copy.type === 'object' && 'properties' in copy && !('additionalProperties' in copy))
    copy.additionalProperties = false
  return copy
}

function moved(reference: string, names: ReadonlyMap<string, string>): string {
  if (!reference.startsWith(LOCAL)) return reference
  const name = reference.slice(LOCAL.length)
  return SHARED + (names.get(name) ?? componentName(name))
}

/** The schema without these fields, wherever it is put together from: they travel in the path. */
export function withoutFields(schema: JsonSchema, fields: readonly string[]): JsonSchema {
  if (fields.length === 0) return schema
  const copy: Record<string, unknown> = { ...schema }
  if (typeof schema.properties === 'object')
    copy.properties = without(schema.properties as object, fields)
  if (Array.isArray(schema.required)) {
    copy.required = schema.required.filter((name) => !fields.includes(name))
    if ((copy.required as unknown[]).length === 0) delete copy.required
  }
  for (const key of ['allOf', 'anyOf', 'oneOf'])
    if (Array.isArray(schema[key]))
      copy[key] = (schema[key] as JsonSchema[]).map((part) => withoutFields(part, fields))
  return copy
}

/** The value without these fields; for examples too. */
export function without(value: object, fields: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !fields.includes(name)))
}
