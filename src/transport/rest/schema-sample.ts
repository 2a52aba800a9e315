import type { JsonSchema } from '../../base/schema.ts'
import { resolveRef, schemaList, schemaObject } from '../../operation/json-schema.ts'

const DEPTH_MAX = 6

/** A small value of the schema's shape, for examples: what is required, and nothing else. */
export function sampleOf(root: JsonSchema, schema: JsonSchema = root, depth = 0): unknown {
  const found = resolveRef(root, schema)
  if (Array.isArray(found.examples) && found.examples.length > 0) return found.examples[0]
  if ('const' in found) return found.const
  if ('default' in found) return found.default
  if (Array.isArray(found.enum)) return found.enum[0]
  const choice = schemaList(found.anyOf)[0] ?? schemaList(found.oneOf)[0]
  if (choice !== undefined) return depth > DEPTH_MAX ? null : sampleOf(root, choice, depth + 1)
  return depth > DEPTH_MAX ? null : sampleOfType(root, found, depth)
}

function sampleOfType(root: JsonSchema, schema: JsonSchema, depth: number): unknown {
  const inner = (part: unknown) => sampleOf(root, schemaObject(part) ?? {}, depth + 1)
  switch ([schema.type].flat()[0]) {
    case 'string':
      return sampleText(schema)
    case 'integer':
    case 'number':
      return Math.max(1, Number(schema.minimum ?? 1))
    case 'boolean':
      return true
    case 'array':
      return [inner(schema.items)]
    case 'object':
      return Object.assign(
        sampleFields(schema, inner),
        ...schemaList(schema.allOf).map((part) => inner(part)),
      )
    default:
      return null
  }
}

function sampleFields(schema: JsonSchema, inner: (part: unknown) => unknown): object {
  const required = Array.isArray(schema.required) ? schema.required : []
  const fields = Object.entries(schemaObject(schema.properties) ?? {})
  return Object.fromEntries(
    fields.filter(([name]) => required.includes(name)).map(([name, field]) => [name, inner(field)]),
  )
}

const samples: Readonly<Record<string, string>> = {
  'date-time': '2026-01-31T12:00:00.000000Z',
  date: '2026-01-31',
  time: '12:00:00',
  email: 'name@example.com',
  uri: 'https://example.com/',
  uuid: '019a5f3e-7c1d-7000-8a5b-3f2e1d0c9b8a',
}

function sampleText(schema: JsonSchema): string {
  return samples[String(schema.format)] ?? 'text'.padEnd(Number(schema.minLength ?? 0), 't')
}
