/**
 * Inputs out of a schema and the rows that are there: the key of a row where a field names one, what
 * else that row says where fields have the names of its columns, examples, then made-up values. The
 * first input takes the likeliest value everywhere and leaves out what may be left out; later ones
 * go further from that. The same seed draws the same inputs.
 */
import type { JsonSchema } from '../../base/schema.ts'
import type { SeededRandom } from '../../base/seeded-random.ts'
import { resolveRef, schemaList, schemaObject, typesOf } from '../../operation/json-schema.ts'
import { fits, madeValues } from './made-values.ts'
import type { Path, Reference } from './other-inputs.ts'
import { patternPrefix } from './pattern-text.ts'
import {
  type Meant,
  type PoolColumn,
  type PoolRow,
  type RowPool,
  SURE,
  wordsOf,
} from './row-pool.ts'

/** Where the values of a field were found before, by operation and path, or by the look of an id. */
export class Learned {
  readonly #columns = new Map<string, PoolColumn>()

  columnOf(keys: readonly string[]): PoolColumn | undefined {
    return keys.map((key) => this.#columns.get(key)).find((column) => column !== undefined)
  }

  keep(keys: readonly string[], column: PoolColumn): void {
    for (const key of keys) this.#columns.set(key, column)
  }
}

export interface DrawnInput {
  readonly input: unknown
  /** The rows whose keys stand in it, and where. */
  readonly refs: readonly Reference[]
  /** It was accepted: fields like these are drawn from the same columns from now on. */
  learn(): void
}

export interface DrawOptions {
  readonly operation: string
  readonly schema: JsonSchema
  readonly pool: RowPool
  readonly random: SeededRandom
  readonly learned: Learned
  /** Rows that somebody else has to do with, as texts of their keys: they are taken first. */
  readonly focus?: ReadonlySet<string>
}

/** Deeper schemas of themselves end here. */
const DEPTH_MAX = 6
/** Of the fields that may be left out, how many are there in later inputs. */
const OPTIONAL_SHARE = 0.3
/** How often a later input takes a likelier value before a less likely one. */
const LIKELIER_SHARE = 0.65
/** How often it takes a likely value at all. */
const LIKELY_SHARE = 0.5
/** Rows of a seed beyond these find nothing that these do not. */
const CHOICES_MAX = 24
/** Two are enough to be taken in another order. */
const ITEMS_MAX = 2

/** The likeliest value everywhere, with no field that may be left out, or with each; or anything. */
export type Reach = 'least' | 'most' | 'any'

export function drawInput(options: DrawOptions, reach: Reach): DrawnInput {
  return new Draw(options, reach).draw()
}

interface Choice {
  readonly value: unknown
  readonly row?: PoolRow
  readonly column?: PoolColumn
  /** It stands for the row: it is no text or number that happens to be a key. */
  readonly names?: boolean
}

class Draw {
  readonly #options: DrawOptions
  readonly #reach: Reach
  readonly #refs: Reference[] = []
  readonly #taken: (() => void)[] = []

  constructor(options: DrawOptions, reach: Reach) {
    this.#options = options
    this.#reach = reach
  }

  get #isOther(): boolean {
    return this.#reach === 'any'
  }

  draw(): DrawnInput {
    const input = this.#value(this.#options.schema, [], 0)
    const learn = () => {
      for (const one of this.#taken) one()
    }
    return { input, refs: this.#refs, learn }
  }

  #value(given: JsonSchema, path: Path, depth: number): unknown {
    const { schema: root } = this.#options
    const schema = resolveRef(root, given)
    const union = [...schemaList(schema.anyOf), ...schemaList(schema.oneOf)]
    if (union.length > 0) return this.#value(this.#pick(union), path, depth + 1)
    const parts = schemaList(schema.allOf)
    if (parts.length > 0) return this.#merged([{ ...schema, allOf: [] }, ...parts], path, depth)
    const types = [...typesOf(root, schema)]
    if (types.includes('object')) return this.#object(schema, path, depth)
    if (types.includes('array')) return this.#array(schema, path, depth)
    return this.#scalar(schema, path)
  }

  #merged(parts: readonly JsonSchema[], path: Path, depth: number): unknown {
    const values = parts.map((part) => this.#value(part, path, depth + 1))
    const objects = values.filter((value) => typeof value === 'object' && value !== null)
    return objects.length === 0 ? values.at(-1) : Object.assign({}, ...objects)
  }

  #object(schema: JsonSchema, path: Path, depth: number): unknown {
    const required = new Set(Array.isArray(schema.required) ? (schema.required as string[]) : [])
    const fields = Object.entries(schemaObject(schema.properties) ?? {})
      .map(([name, field]) => ({ name, field: schemaObject(field) ?? {} }))
      .filter(({ name }) => required.has(name) || this.#wantsMore(depth))
    // What names a row comes first: the others are then taken from that row.
    const inOrder = fields.toSorted(
      (left, right) => this.#sureness(right.name) - this.#sureness(left.name),
    )
    const drawn = new Map(
      inOrder.map(({ name, field }) => [name, this.#value(field, [...path, name], depth + 1)]),
    )
    return Object.fromEntries(fields.map(({ name }) => [name, drawn.get(name)]))
  }

  #sureness(field: string): number {
    const { pool, operation } = this.#options
    const [likeliest] = pool.meant(field, operation)
    return likeliest?.column.key ? likeliest.score : 0
  }

  #wantsMore(depth: number): boolean {
    if (!this.#isOther) return this.#reach === 'most' && depth < DEPTH_MAX
    return depth < DEPTH_MAX && this.#options.random.next() < OPTIONAL_SHARE
  }

  #array(schema: JsonSchema, path: Path, depth: number): unknown[] {
    const { minItems = 0, maxItems = ITEMS_MAX } = schema as {
      minItems?: number
      maxItems?: number
    }
    const least = depth < DEPTH_MAX ? Math.max(minItems, Math.min(1, maxItems)) : minItems
    const more = this.#isOther && this.#wantsMore(depth) ? 1 : 0
    const length = Math.min(least + more, Math.max(least, maxItems))
    const prefix = schemaList(schema.prefixItems)
    const items = schemaObject(schema.items) ?? {}
    return Array.from({ length }, (_, at) =>
      this.#value(prefix[at] ?? items, [...path, at], depth + 1),
    )
  }

  #scalar(schema: JsonSchema, path: Path): unknown {
    const groups = this.#choices(schema, path).filter(({ length }) => length > 0)
    const chosen = groups.length === 0 ? undefined : this.#pick(this.#likely(groups))
    const { row, column } = chosen ?? {}
    if (row !== undefined && column !== undefined) {
      if (chosen?.names) this.#refs.push({ path, table: row.table, row })
      const keys = this.#learnedBy(schema, path)
      this.#taken.push(() => this.#options.learned.keep(keys, column))
    }
    return chosen?.value
  }

  #learnedBy(schema: JsonSchema, path: Path): string[] {
    const prefix = prefixOf(schema)
    const place = path.filter((part) => typeof part === 'string').join('/')
    return [
      `${this.#options.operation} ${place}`,
      ...(prefix === '' ? [] : [`like ${schema.pattern}`]),
    ]
  }

  /** A later input takes now a likely value, now any. */
  #pick<T>(choices: readonly T[]): T {
    const { random } = this.#options
    if (!this.#isOther || random.next() < LIKELY_SHARE) return this.#likely(choices)
    return random.pick(choices.slice(0, CHOICES_MAX))
  }

  #likely<T>(choices: readonly T[]): T {
    const { random } = this.#options
    let at = 0
    while (this.#isOther && at + 1 < choices.length && random.next() > LIKELIER_SHARE) at += 1
    return choices[at] as T
  }

  /** Groups of them, the likeliest first. */
  #choices(schema: JsonSchema, path: Path): readonly (readonly Choice[])[] {
    const { random, pool, operation } = this.#options
    const field = path.findLast((part) => typeof part === 'string') ?? ''
    const made = madeValues(schema, field, random).map((value) => ({ value }))
    if ('const' in schema || Array.isArray(schema.enum)) return [made]
    const meant = pool
      .meant(field, operation, prefixOf(schema))
      .map((one) => ({ ...one, sure: isSure(one) }))
    const columns = (sure: boolean) =>
      meant.filter((one) => one.sure === sure).map(({ column }) => column)
    return [
      this.#ofKnown(schema, path),
      this.#ofColumns(columns(true), schema),
      this.#ofChosenRows(schema, field),
      looksLikeId(schema)
        ? this.#ofColumns(
            pool.columns.filter(({ key }) => key),
            schema,
          )
        : [],
      made,
      this.#ofColumns(columns(false), schema)
        .filter(({ value, row, column }) => column && value === row?.values[column.name])
        .map(({ value }) => ({ value })),
    ]
  }

  #ofKnown(schema: JsonSchema, path: Path): Choice[] {
    const known = this.#options.learned.columnOf(this.#learnedBy(schema, path))
    return known?.key ? this.#ofColumns([known], schema) : []
  }

  #ofColumns(columns: readonly PoolColumn[], schema: JsonSchema): Choice[] {
    return interleaved(columns.map((column) => this.#ofColumn(column, schema)))
  }

  /** What the rows say that stand in this input already. */
  #ofChosenRows(schema: JsonSchema, field: string): Choice[] {
    const name = wordsOf(field)
    return this.#refs.flatMap(({ row: { values } }) =>
      Object.entries(values)
        .filter(([column]) => wordsOf(column) === name)
        .flatMap(([, value]) => shapes(value, schema).map((value) => ({ value }))),
    )
  }

  #ofColumn(column: PoolColumn, schema: JsonSchema): Choice[] {
    const { pool, focus } = this.#options
    const rows = pool.rowsOf(column)
    const near = focus === undefined ? [] : rows.filter((row) => isNear(row, focus))
    const inOrder = [...near, ...rows.filter((row) => !near.includes(row))]
    return inOrder.flatMap((row) =>
      shapes(row.values[column.name], schema).map((value) => ({ value, row, column, names: true })),
    )
  }
}

function isSure({ column, score }: Meant): boolean {
  return column.key && score >= SURE
}

function prefixOf({ pattern }: JsonSchema): string {
  return typeof pattern === 'string' ? patternPrefix(pattern) : ''
}

/** What only rows can tell: nobody makes up a uuid that means something. */
function looksLikeId({ format, pattern }: JsonSchema): boolean {
  return format === 'uuid' || /\{32\}/.test(String(pattern ?? ''))
}

/** A value of a row as the schema may want it: as it is, as text, or as an id with a prefix. */
function shapes(value: unknown, schema: JsonSchema): unknown[] {
  if (value === null || value === undefined) return []
  if (typeof value === 'object') return []
  const text = String(value)
  const prefix = prefixOf(schema)
  const all = [value, text, prefix + text.replaceAll('-', ''), prefix + text]
  return all.filter((one) => fits(schema, one)).slice(0, 1)
}

/** The first of each, then the second of each: no column is tried to its end before another. */
function interleaved(lists: readonly (readonly Choice[])[]): Choice[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length))
  const all = Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list[at] ?? []))
  const seen = new Set<unknown>()
  return all.flat().filter(({ value }) => !seen.has(value) && seen.add(value))
}

/** The key of a row, however it is written. */
export function keyText(value: unknown): string {
  return String(value).replaceAll('-', '').toLowerCase()
}

function isNear({ values }: PoolRow, focus: ReadonlySet<string>): boolean {
  return Object.values(values).some((value) => value !== null && focus.has(keyText(value)))
}
