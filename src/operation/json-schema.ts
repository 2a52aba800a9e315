/** Reading JSON Schema (draft 2020-12) as schema libraries write it: $ref, unions, types. */
import type { JsonSchema } from '../base/schema.ts'

/** A chain of $ref longer than this names itself. */
const REF_HOPS_MAX = 32

export function schemaObject(value: unknown): JsonSchema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonSchema)
    : undefined
}

export function schemaList(value: unknown): readonly JsonSchema[] {
  const items: unknown[] = Array.isArray(value) ? value : []
  return items.map(schemaObject).filter((item) => item !== undefined)
}

/** What `$ref` stands for within `root`; an unknown reference stands for anything. */
export function resolveRef(root: JsonSchema, schema: JsonSchema): JsonSchema {
  let found = schema
  for (let hops = 0; typeof found.$ref === 'string' && hops < REF_HOPS_MAX; hops++) {
    found = atPointer(root, found.$ref)
  }
  return typeof found.$ref === 'string' ? {} : found
}

/** RFC 6901 in a URI fragment: `#/$defs/Order`. */
function atPointer(root: JsonSchema, ref: string): JsonSchema {
  if (!ref.startsWith('#')) return {}
  let at: unknown = root
  for (const part of ref.split('/').slice(1)) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    at = schemaObject(at)?.[key]
  }
  return schemaObject(at) ?? {}
}

/** The schemas of the fields an object may have, through references, intersections and unions. */
export function fieldsOf(root: JsonSchema, schema: JsonSchema = root): Map<string, JsonSchema> {
  const fields = new Map<string, JsonSchema>()
  for (const part of branches(root, schema)) {
    for (const [name, field] of Object.entries(schemaObject(part.properties) ?? {})) {
      fields.set(name, schemaObject(field) ?? {})
    }
  }
  return fields
}

/** The fields that every branch requires. */
export function requiredFields(root: JsonSchema): ReadonlySet<string> {
  const own = (part: JsonSchema) =>
    Array.isArray(part.required) ? (part.required as string[]) : []
  const resolved = resolveRef(root, root)
  const required = new Set(own(resolved))
  for (const part of schemaList(resolved.allOf)) {
    for (const name of own(resolveRef(root, part))) required.add(name)
  }
  const unions = [...schemaList(resolved.anyOf), ...schemaList(resolved.oneOf)]
  const shared = unions.map((part) => new Set(own(resolveRef(root, part))))
  for (const name of shared[0] ?? []) {
    if (shared.every((names) => names.has(name))) required.add(name)
  }
  return required
}

/** A schema and everything it is put together from, at the same level of the value. */
export function branches(
  root: JsonSchema,
  schema: JsonSchema,
  seen = new Set<JsonSchema>(),
): readonly JsonSchema[] {
  const resolved = resolveRef(root, schema)
  if (seen.has(resolved)) return []
  seen.add(resolved)
  const parts = [resolved.allOf, resolved.anyOf, resolved.oneOf].flatMap(schemaList)
  return [resolved, ...parts.flatMap((part) => branches(root, part, seen))]
}

export type JsonType = 'string' | 'number' | 'integer' | 'boolean' | 'null' | 'array' | 'object'

/** The types a value may have; empty where the schema does not say. */
export function typesOf(root: JsonSchema, schema: JsonSchema): ReadonlySet<JsonType> {
  const types = new Set<JsonType>()
  for (const part of branches(root, schema)) {
    for (const type of [part.type].flat()) {
      if (typeof type === 'string') types.add(type as JsonType)
    }
    if (part.type !== undefined) continue
    const values = 'const' in part ? [part.const] : Array.isArray(part.enum) ? part.enum : []
    for (const value of values) types.add(typeOfValue(value))
  }
  return types
}

export function typeOfValue(value: unknown): JsonType {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value as JsonType
}
