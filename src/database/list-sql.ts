/**
 * The SQL of a list: declared columns, conditions and sorts put together, values always as
 * parameters. A page is found by row comparison, `(a, id) < ($1, $2)`: one index range at any depth,
 * where OR-expanded conditions and OFFSET read everything before it.
 */
import { HoldfastError } from '../base/fault.ts'
import { Sql, sql } from './sql.ts'
import type { Row } from './statement.ts'

export type Direction = 'asc' | 'desc'

export interface ListColumn {
  /** In the rows of the page. */
  readonly field: string
  readonly expression: Sql
}

export interface SortPart {
  readonly expression: Sql
  readonly direction: Direction
}

/** What stays the same for all pages of one list in one sort. */
export interface ListShape {
  readonly columns: readonly ListColumn[]
  readonly from: Sql
  /** Ends with a unique key. For a keyset all of one direction, and no column null. */
  readonly sort: readonly SortPart[]
  /** Pages by OFFSET instead of by keyset: small lists only. */
  readonly small: boolean
}

export interface PageRequest {
  readonly conditions: readonly Sql[]
  /** Sort keys, as text, of the row before the page. */
  readonly after?: readonly string[] | undefined
  readonly offset?: number | undefined
  /** One more than the page has, to know whether another follows. */
  readonly rows: number
}

/** Sort keys travel as text beside the fields, under names that no field can have. */
const KEY_PREFIX = '~key'

const directions: Readonly<Record<Direction, Sql>> = { asc: sql`ASC`, desc: sql`DESC` }

/** The statements of a list in one sort. What does not change is put together once. */
export class ListStatements {
  readonly #select: Sql
  readonly #order: Sql
  readonly #row: Sql
  readonly #keyNames: readonly string[]

  constructor({ columns, from, sort, small }: ListShape) {
    const keys = small ? [] : sort
    this.#keyNames = keys.map((_, index) => `${KEY_PREFIX}${index}`)
    const fields = columns.map(({ field, expression }) => sql`${expression} AS ${sql.id(field)}`)
    const texts = keys.map(
      ({ expression }, index) => sql`(${expression})::text AS ${sql.id(`${KEY_PREFIX}${index}`)}`,
    )
    const order = sort.map(
      ({ expression, direction }) => sql`${expression} ${directions[direction]}`,
    )
    this.#select = constant(sql`SELECT ${sql.join([...fields, ...texts])} FROM ${from}`)
    this.#order = constant(sql` ORDER BY ${sql.join(order)} LIMIT `)
    const row = sql.join(sort.map(({ expression }) => expression))
    this.#row = constant(sort[0]?.direction === 'desc' ? sql`(${row}) < ` : sql`(${row}) > `)
  }

  page({ conditions, after, offset, rows }: PageRequest): Sql {
    const all = after ? [...conditions, sql`${this.#row}(${sql.join(after)})`] : conditions
    const where = all.length === 0 ? sql.empty : sql` WHERE ${sql.join(all, sql` AND `)}`
    const skip = offset === undefined ? sql.empty : sql` OFFSET ${offset}`
    return sql`${this.#select}${where}${this.#order}${rows}${skip}`.bounded(rows)
  }

  /** Blanks the sort keys in all rows and gives those of the last. */
  takeKeys(rows: readonly Row[]): readonly string[] {
    const last = this.#keyNames.map((name) => rows.at(-1)?.[name] as string)
    for (const row of rows) {
      for (const name of this.#keyNames) {
        if (typeof row[name] !== 'string') throw keyIsNull(name)
        // Not deleted: that would cost the row its hidden class. JSON leaves it out.
        row[name] = undefined
      }
    }
    return last
  }
}

function keyIsNull(name: string): HoldfastError {
  const place = Number(name.slice(KEY_PREFIX.length)) + 1
  return new HoldfastError('HF_LIST_KEY_NULL', `A row has no value in sort column ${place}.`)
}

/** A fragment without values as one text, rendered once. */
function constant(fragment: Sql): Sql {
  return fragment.values.length === 0 ? new Sql([fragment.text], []) : fragment
}

/** `column = $1`, or `= ANY ($1)` for several: the first can use an index in its order. */
export function equalsCondition(expression: Sql, value: unknown): Sql {
  if (!Array.isArray(value)) return sql`${expression} = ${value}`
  return value.length === 1 ? sql`${expression} = ${value[0]}` : sql`${expression} = ANY (${value})`
}

export type RangeBound = 'gte' | 'gt' | 'lte' | 'lt'

const comparisons: Readonly<Record<RangeBound, Sql>> = {
  gte: sql`>=`,
  gt: sql`>`,
  lte: sql`<=`,
  lt: sql`<`,
}

export function rangeCondition(expression: Sql, bound: RangeBound, value: unknown): Sql {
  return sql`${expression} ${comparisons[bound]} ${value}`
}

/**
 * Texts that begin with `prefix`, as a range by code point: comparisons are leakproof, so that the
 * planner may use an index below row level security, where LIKE is applied after it.
 */
export function prefixCondition(expression: Sql, prefix: string): Sql {
  const end = afterPrefix(prefix)
  const column = sql`${expression} COLLATE "C"`
  const from = sql`${column} >= ${prefix}`
  return end === undefined ? from : sql`${from} AND ${column} < ${end}`
}

const SURROGATES = { first: 0xd800, last: 0xdfff }

/** The least text after all that begin with `prefix`; undefined where there is none. */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) as number)
  while (points.length > 0) {
    const last = (points.pop() as number) + 1
    if (last > 0x10ffff) continue
    const next = last >= SURROGATES.first && last <= SURROGATES.last ? SURROGATES.last + 1 : last
    return String.fromCodePoint(...points, next)
  }
  return undefined
}
