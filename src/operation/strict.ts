/**
 * Strictness: an input field that no schema knows is refused, wherever it stands, and so is a key
 * that could reach a prototype. Schema libraries drop unknown fields silently; then a misspelt
 * optional field is a default nobody asked for.
 *
 * Terms. A *node* is a compiled schema. An *alternative* is one way of reading a node without
 * unions: what an object may hold, what an array may hold. Where several alternatives could be
 * meant, the value is held against each and the one with the fewest complaints counts.
 */
import { didYouMean } from '../base/did-you-mean.ts'
import { type JsonSchema, toPointer, type Violation } from '../base/schema.ts'
import { resolveRef, schemaList, schemaObject, typeOfValue } from './json-schema.ts'

/** Deeper values are refused before any code of a schema library descends into them. */
const DEPTH_MAX = 64
/** Nested unions multiply: steps of trying a branch, beyond which a value is refused (about 0.2 s). */
const BRANCH_STEPS_MAX = 50_000
/** More complaints help nobody. */
const VIOLATIONS_MAX = 20
/** Unions of unions multiply their branches; what is beyond is read as open. */
const ALTERNATIVES_MAX = 64

/** Complaints about fields that are not known; empty where there are none. */
export type StrictWalker = (value: unknown) => readonly Violation[]

interface Alternative {
  readonly accepts: 'object' | 'array' | 'scalar' | 'anything'
  readonly fields: ReadonlyMap<string, readonly Node[]>
  /** Fields with fixed values, which tell the branches of a union apart. */
  readonly fixed: ReadonlyMap<string, Fixed>
  /** Undefined: other fields are refused. */
  readonly rest: readonly Node[] | undefined
  readonly prefixItems: readonly Node[]
  readonly items: readonly Node[]
}

interface Fixed {
  readonly values: readonly unknown[]
  readonly required: boolean
}

class Node {
  #alternatives: readonly Alternative[] | undefined
  readonly #schema: JsonSchema
  readonly #compiler: Compiler

  constructor(schema: JsonSchema, compiler: Compiler) {
    this.#schema = schema
    this.#compiler = compiler
  }

  /** Made at first use: a recursive schema has no end otherwise. */
  get alternatives(): readonly Alternative[] {
    if (this.#alternatives === undefined) {
      // Stands in while a schema that is its own branch is being read.
      this.#alternatives = [openAlternative]
      this.#alternatives = this.#compiler.alternatives(this.#schema)
    }
    return this.#alternatives
  }
}

class Compiler {
  readonly #root: JsonSchema
  readonly #nodes = new Map<JsonSchema, Node>()

  constructor(root: JsonSchema) {
    this.#root = root
  }

  node(schema: JsonSchema): Node {
    const resolved = resolveRef(this.#root, schema)
    const known = this.#nodes.get(resolved)
    if (known !== undefined) return known
    const made = new Node(resolved, this)
    this.#nodes.set(resolved, made)
    return made
  }

  alternatives(schema: JsonSchema): readonly Alternative[] {
    const parts = schemaList(schema.allOf).map((part) => this.node(part).alternatives)
    const unions = [schema.anyOf, schema.oneOf].map(schemaList).filter((list) => list.length > 0)
    const choices = unions.map((list) => list.flatMap((part) => this.node(part).alternatives))
    const own = this.#own(schema, parts.length + choices.length > 0)
    const factors = own === undefined ? [] : [[own]]
    return product([...factors, ...parts, ...choices])
  }

  /** What the schema says by itself; undefined where it only puts others together. */
  #own(schema: JsonSchema, composed: boolean): Alternative | undefined {
    const type = schema.type
    if (type === 'object' || schema.properties !== undefined) return this.#object(schema)
    if (type === 'array' || schema.items !== undefined) return this.#array(schema)
    if (composed) return undefined
    const scalar = type !== undefined || 'const' in schema || 'enum' in schema
    return scalar ? scalarAlternative : openAlternative
  }

  #object(schema: JsonSchema): Alternative {
    const properties = Object.entries(schemaObject(schema.properties) ?? {})
    const fields = properties.map(([name, field]) => [name, schemaObject(field) ?? {}] as const)
    return {
      ...scalarAlternative,
      accepts: 'object',
      fields: new Map(fields.map(([name, field]) => [name, [this.node(field)]])),
      fixed: new Map(fields.flatMap(([name, field]) => fixedValues(schema, name, field))),
      rest: this.#rest(schema),
    }
  }

  #rest(schema: JsonSchema): readonly Node[] | undefined {
    const patterns = Object.values(schemaObject(schema.patternProperties) ?? {})
    const rest = schema.additionalProperties
    if (patterns.length > 0 && (rest === undefined || rest === false)) {
      return patterns.map((pattern) => this.node(schemaObject(pattern) ?? {}))
    }
    if (rest === undefined || rest === false) return undefined
    return [this.node(schemaObject(rest) ?? {})]
  }

  #array(schema: JsonSchema): Alternative {
    const items = schemaObject(schema.items)
    return {
      ...scalarAlternative,
      accepts: 'array',
      prefixItems: schemaList(schema.prefixItems).map((item) => this.node(item)),
      items: items === undefined ? [] : [this.node(items)],
    }
  }
}

const nothing: readonly Node[] = []
const scalarAlternative: Alternative = {
  accepts: 'scalar',
  fields: new Map(),
  fixed: new Map(),
  rest: nothing,
  prefixItems: nothing,
  items: nothing,
}
const openAlternative: Alternative = { ...scalarAlternative, accepts: 'anything' }

function fixedValues(schema: JsonSchema, name: string, field: JsonSchema): [string, Fixed][] {
  const values = 'const' in field ? [field.const] : field.enum
  if (!Array.isArray(values)) return []
  const required = Array.isArray(schema.required) && schema.required.includes(name)
  return [[name, { values, required }]]
}

function product(factors: readonly (readonly Alternative[])[]): readonly Alternative[] {
  return factors.reduce((left, right) =>
    left.flatMap((one) => right.map((other) => merged(one, other))).slice(0, ALTERNATIVES_MAX),
  )
}

/** Both at once: a field is known if either knows it. */
function merged(left: Alternative, right: Alternative): Alternative {
  if (isLeaf(left)) return right
  if (isLeaf(right)) return left
  return {
    accepts: left.accepts,
    fields: mergedFields(left.fields, right.fields),
    fixed: new Map([...left.fixed, ...right.fixed]),
    rest: left.rest === undefined ? right.rest : [...left.rest, ...(right.rest ?? [])],
    prefixItems: left.prefixItems.length > 0 ? left.prefixItems : right.prefixItems,
    items: [...left.items, ...right.items],
  }
}

function isLeaf(alternative: Alternative): boolean {
  return alternative.accepts === 'scalar' || alternative.accepts === 'anything'
}

function mergedFields(
  left: Alternative['fields'],
  right: Alternative['fields'],
): Alternative['fields'] {
  const fields = new Map(left)
  for (const [name, nodes] of right) fields.set(name, [...(left.get(name) ?? []), ...nodes])
  return fields
}

/** Compiled once for each operation. */
export function compileStrict(schema: JsonSchema): StrictWalker {
  const root = new Compiler(schema).node(schema)
  return (value) => {
    const walk = new Walk()
    walk.value(value, root, '', 0)
    return walk.tooComplex ? [{ pointer: '', message: 'too complex to be checked' }] : walk.found
  }
}

class Walk {
  found: Violation[] = []
  /** How many unions are being tried at once. */
  #branching = 0
  #branchSteps = 0

  get tooComplex(): boolean {
    return this.#branchSteps > BRANCH_STEPS_MAX
  }

  value(value: unknown, node: Node | undefined, pointer: string, depth: number): void {
    if (this.found.length >= VIOLATIONS_MAX) return
    if (typeof value === 'string') this.#text(value, pointer)
    if (typeof value !== 'object' || value === null) return
    if (depth >= DEPTH_MAX) {
      this.#complain(pointer, `nested deeper than ${DEPTH_MAX} levels`)
      return
    }
    if (this.#branching > 0 && ++this.#branchSteps > BRANCH_STEPS_MAX) return
    const candidates = fitting(value, node?.alternatives ?? [openAlternative])
    if (candidates.length > 1) this.#best(value, candidates, pointer, depth)
    else this.#as(value, candidates[0] ?? openAlternative, pointer, depth)
  }

  #best(value: object, candidates: readonly Alternative[], pointer: string, depth: number): void {
    const before = this.found
    this.#branching++
    let best: Violation[] | undefined
    for (const candidate of candidates) {
      this.found = []
      this.#as(value, candidate, pointer, depth)
      if (best === undefined || this.found.length < best.length) best = this.found
      if (best.length === 0) break
    }
    this.#branching--
    this.found = [...before, ...(best ?? [])]
  }

  #as(value: object, alternative: Alternative, pointer: string, depth: number): void {
    if (Array.isArray(value)) {
      value.forEach((item, index) => {
        const nodes = alternative.prefixItems[index] ?? alternative.items
        this.#each(item, [nodes].flat(), `${pointer}/${index}`, depth)
      })
      return
    }
    for (const key of Object.keys(value)) {
      if (this.found.length >= VIOLATIONS_MAX) return
      this.#field(value, key, alternative, pointer, depth)
    }
  }

  #field(value: object, key: string, as: Alternative, pointer: string, depth: number): void {
    const at = pointer + toPointer([key])
    const known = as.fields.get(key)
    this.#text(key, at)
    if (key === '__proto__' || (known === undefined && reachesPrototype(key))) {
      this.#complain(at, 'this name is not allowed')
    } else if (known === undefined && as.rest === undefined) {
      this.#complain(at, `unknown field${didYouMean(key, as.fields.keys())}`)
    } else {
      const child = (value as Readonly<Record<string, unknown>>)[key]
      this.#each(child, known ?? as.rest ?? nothing, at, depth)
    }
  }

  #each(value: unknown, nodes: readonly Node[], pointer: string, depth: number): void {
    if (nodes.length === 0) this.value(value, undefined, pointer, depth + 1)
    for (const node of nodes) this.value(value, node, pointer, depth + 1)
  }

  /** Postgres stores no NUL, and a lone surrogate would be stored as another character. */
  #text(value: string, pointer: string): void {
    if (value.includes('\u0000')) this.#complain(pointer, 'a NUL character is not allowed')
    else if (!value.isWellFormed()) this.#complain(pointer, 'is not well-formed Unicode')
  }

  #complain(pointer: string, message: string): void {
    this.found.push({ pointer, message })
  }
}

function reachesPrototype(key: string): boolean {
  return key === 'constructor' || key === 'prototype'
}

/** The alternatives that could be meant: right type, fixed fields as they are. */
function fitting(value: object, alternatives: readonly Alternative[]): readonly Alternative[] {
  if (alternatives.length === 1) return alternatives
  const type = typeOfValue(value)
  return alternatives.filter(
    ({ accepts, fixed }) => accepts === 'anything' || (accepts === type && hasFixed(value, fixed)),
  )
}

function hasFixed(value: object, fixed: Alternative['fixed']): boolean {
  for (const [name, { values, required }] of fixed) {
    const given = (value as Readonly<Record<string, unknown>>)[name]
    if (given === undefined ? required : !values.includes(given)) return false
  }
  return true
}
