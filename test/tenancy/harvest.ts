/**
 * What a tenant's replies hold, by the name of the field: the ids, names and numbers that requests
 * are then made of. New operations bring theirs along.
 */
import type { JsonSchema } from '../../src/base/schema.ts'
import { resolveRef, schemaList, schemaObject } from '../../src/operation/json-schema.ts'
import { sampleOf } from '../../src/transport/rest/schema-sample.ts'

export class Harvest {
  readonly #values = new Map<string, Set<unknown>>()

  /** Takes in every scalar of a reply under the name of its field. */
  take(value: unknown, name = ''): void {
    if (Array.isArray(value)) for (const each of value) this.take(each, name)
    else if (typeof value === 'object' && value !== null) {
      for (const [key, part] of Object.entries(value)) this.take(part, key)
    } else if (value !== null) this.#set(name).add(value)
  }

  #set(name: string): Set<unknown> {
    const known = this.#values.get(name) ?? new Set()
    this.#values.set(name, known)
    return known
  }

  /** Values that were seen under this name and have the shape of the field, the first seen first. */
  valuesOf(name: string, schema: JsonSchema): readonly unknown[] {
    return [...(this.#values.get(name) ?? [])].filter((value) => fits(value, schema))
  }
}

function fits(value: unknown, schema: JsonSchema): boolean {
  if (typeof value !== 'string') return typeof value === schema.type || schema.type === 'integer'
  if (schema.type !== 'string') return false
  return typeof schema.pattern !== 'string' || new RegExp(schema.pattern, 'u').test(value)
}

export type Values = (name: string, schema: JsonSchema) => unknown

/** An input of the schema's shape: every required field, with the values given where there are any. */
export function inputFor(root: JsonSchema, values: Values): Record<string, unknown> {
  return fill(root, root, '', values) as Record<string, unknown>
}

function fill(root: JsonSchema, schema: JsonSchema, name: string, values: Values): unknown {
  const found = resolveRef(root, schema)
  const given = values(name, found)
  if (given !== undefined) return given
  const choice = schemaList(found.anyOf)[0]
  if (choice !== undefined) return fill(root, choice, name, values)
  if (found.type === 'array') return [fill(root, schemaObject(found.items) ?? {}, name, values)]
  if (found.type !== 'object') return sampleOf(root, found)
  const required = new Set(Array.isArray(found.required) ? found.required : [])
  const fields = Object.entries(schemaObject(found.properties) ?? {})
  return Object.fromEntries(
    fields
      .filter(([field]) => required.has(field))
      .map(([field, part]) => [field, fill(root, schemaObject(part) ?? {}, field, values)]),
  )
}
