/**
 * From the parts of a request to one input. Path and query carry text: each value is read by the
 * schema of its field. A list in a query is the name repeated (`?status=a&status=b`): a comma may
 * be part of a value. What does not look like the type asked for stays text, so that the schema
 * itself says what is wrong with it.
 */
import { type JsonSchema, type Parsed, toPointer, type Violation } from '../base/schema.ts'
import type { HttpBinding } from './binding.ts'
import {
  branches,
  fieldsOf,
  type JsonType,
  schemaList,
  schemaObject,
  typesOf,
} from './json-schema.ts'

export interface RawInput {
  /** Decoded path parameters. */
  readonly path: Readonly<Record<string, string>>
  /** Decoded query parameters, in order, repeated names repeated. */
  readonly query: Iterable<readonly [name: string, value: string]>
  /** Parsed JSON; undefined where there was no body. */
  readonly body?: unknown
}

/** One input from path, query and body; violations where they contradict the binding. */
export type Assemble = (raw: RawInput) => Parsed<unknown>

interface FieldReader {
  readonly types: ReadonlySet<JsonType>
  readonly itemTypes: ReadonlySet<JsonType>
}

/** Compiled once for each bound operation. */
export function compileAssemble(binding: HttpBinding, schema: JsonSchema): Assemble {
  const readers = fieldReaders(schema)
  return (raw) => {
    const path = Object.fromEntries(
      Object.entries(raw.path).map(([name, text]) => [name, readField(readers.get(name), [text])]),
    )
    const query = readQuery(readers, raw.query)
    if (binding.hasBody) return withBody(binding, path, query, raw.body)
    const clash = Object.keys(path).filter((name) => Object.hasOwn(query, name))
    if (clash.length > 0) return refuse(clash.map(standsInPath))
    if (raw.body !== undefined) return refuse([{ pointer: '', message: 'a body is not allowed' }])
    return { ok: true, value: { ...query, ...path } }
  }
}

function withBody(
  binding: HttpBinding,
  path: Readonly<Record<string, unknown>>,
  query: Readonly<Record<string, unknown>>,
  body: unknown,
): Parsed<unknown> {
  const strays = Object.keys(query)
  if (strays.length > 0) return refuse(strays.map(belongsInBody))
  if (body === undefined) return { ok: true, value: path }
  const fields = schemaObject(body)
  // Whatever the body is: without path parameters the schema judges it.
  if (fields === undefined && binding.params.length === 0) return { ok: true, value: body }
  if (fields === undefined) return refuse([{ pointer: '', message: 'expected an object' }])
  const clash = binding.params.filter((name) => Object.hasOwn(fields, name))
  if (clash.length > 0) return refuse(clash.map(standsInPath))
  return { ok: true, value: binding.params.length === 0 ? body : { ...fields, ...path } }
}

function refuse(violations: readonly Violation[]): Parsed<unknown> {
  return { ok: false, violations: violations.slice(0, 20) }
}

function standsInPath(name: string): Violation {
  return { pointer: toPointer([name]), message: 'stands in the path already' }
}

function belongsInBody(name: string): Violation {
  return { pointer: toPointer([name]), message: 'belongs in the body, not in the query' }
}

function readQuery(
  readers: ReadonlyMap<string, FieldReader>,
  query: RawInput['query'],
): Record<string, unknown> {
  const texts = new Map<string, string[]>()
  for (const [name, text] of query) {
    const before = texts.get(name)
    if (before === undefined) texts.set(name, [text])
    else before.push(text)
  }
  // A Map in between and `fromEntries`: a parameter named __proto__ stays a plain own field.
  return Object.fromEntries(
    [...texts].map(([name, values]) => [name, readField(readers.get(name), values)]),
  )
}

function fieldReaders(schema: JsonSchema): ReadonlyMap<string, FieldReader> {
  const readers = new Map<string, FieldReader>()
  for (const [name, field] of fieldsOf(schema)) {
    const items = schemaList(branches(schema, field).map((part) => part.items))
    const itemTypes = new Set(items.flatMap((item) => [...typesOf(schema, item)]))
    readers.set(name, { types: typesOf(schema, field), itemTypes })
  }
  return readers
}

function readField(reader: FieldReader | undefined, texts: readonly string[]): unknown {
  const first = texts[0] as string
  if (reader === undefined) return texts.length === 1 ? first : texts
  const many = texts.length > 1 || (reader.types.has('array') && reader.types.size === 1)
  if (many) return texts.map((text) => readScalar(reader.itemTypes, text))
  return readScalar(reader.types, first)
}

/** RFC 8259 §6. */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/
const INTEGER = /^-?(0|[1-9]\d*)$/
/** Longer texts are no numbers that a double holds exactly. */
const NUMBER_LENGTH_MAX = 32

function readScalar(types: ReadonlySet<JsonType>, text: string): unknown {
  if (types.has('string')) return text
  if (types.has('boolean') && (text === 'true' || text === 'false')) return text === 'true'
  if (text.length > NUMBER_LENGTH_MAX) return text
  if (types.has('number') && NUMBER.test(text)) return Number(text)
  if (types.has('integer') && INTEGER.test(text)) return Number(text)
  return text
}
