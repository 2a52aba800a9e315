/**
 * The SQL of a list: declared columns, conditions and sorts put together, values always as
 * parameters. A page is found by row comparison, `(a, id) < ($1, $2)`: one index range at any depth,
 * where OR-expanded conditions and OFFSET read everything before it.
 */
import { HoldfastError } from '../base/fault.ts'
import { type Sql, sql } from './sql.ts'
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

export interface ListPage {
  readonly columns: readonly ListColumn[]
  readonly from: Sql
  readonly conditions: readonly Sql[]
  /** Ends with a unique key. For a keyset all of one direction, and no column null. */
  readonly sort: readonly SortPart[]
  /** Rows after this one; its sort keys as text. */
  readonly after?: readonly string[] | undefined
  /** For small lists only. */
  readonly offset?: number | undefined
  /** One more than the page has, to know whether another follows. */
  readonly rows: number
}

/** Sort keys travel as text beside the fields, under names that no field can have. */
const KEY_PREFIX = '~key'

export function listStatement(page: ListPage): Sql {
  const conditions = page.after
    ? [...page.conditions, afterRow(page.sort, page.after)]
    : page.conditions
  const where =
    conditions.length === 0 ? sql.empty : sql` WHERE ${sql.join(conditions, sql` AND `)}`
  const offset = page.offset === undefined ? sql.empty : sql` OFFSET ${page.offset}`
  const order = page.sort.map(
    ({ expression, direction }) => sql`${expression} ${directions[direction]}`,
  )
  const statement = sql`SELECT ${sql.join(selected(page))} FROM ${page.from}${where}
 ORDER BY ${sql.join(order)} LIMIT ${page.rows}${offset}`
  return statement.bounded(page.rows)
}

const directions: Readonly<Record<Direction, Sql>> = { asc: sql`ASC`, desc: sql`DESC` }

function selected(page: ListPage): readonly Sql[] {
  const fields = page.columns.map(({ field, expression }) => sql`${expression} AS ${sql.id(field)}`)
  if (page.offset !== undefined) return fields
  const keys = page.sort.map(
    ({ expression }, index) => sql`(${expression})::text AS ${sql.id(`${KEY_PREFIX}${index}`)}`,
  )
  return [...fields, ...keys]
}

function afterRow(sort: readonly SortPart[], after: readonly string[]): Sql {
  const columns = sql.join(sort.map(({ expression }) => expression))
  return sort[0]?.direction === 'desc'
    ? sql`(${columns}) < (${sql.join(after)})`
    : sql`(${columns}) > (${sql.join(after)})`
}

/** Takes the sort keys out of a row. Last in, first out: so the row keeps its hidden class. */
export function takeKeys(row: Row, sort: readonly SortPart[]): readonly string[] {
  const keys: string[] = []
  for (let index = sort.length - 1; index >= 0; index--) {
    const name = `${KEY_PREFIX}${index}`
    const key = row[name]
    if (typeof key !== 'string') {
      throw new HoldfastError('HF_LIST_KEY_NULL', `A row without a value in sort column ${index}.`)
    }
    keys.unshift(key)
    delete row[name]
  }
  return keys
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
