/**
 * What runs for a list: columns, table and extra conditions. From these and the contract one
 * statement is put together for each request, and the page is cut from its rows.
 */
import { assert } from '../base/assert.ts'
import { knownOptions, optionError, shown } from '../base/bounds.ts'
import { didYouMean } from '../base/did-you-mean.ts'
import { HoldfastError } from '../base/fault.ts'
import type { InputOf, Schema } from '../base/schema.ts'
import {
  equalsCondition,
  ListStatements,
  prefixCondition,
  type RangeBound,
  rangeCondition,
  type SortPart,
} from '../database/list-sql.ts'
import { CURSOR_LENGTH_MAX, type CursorSeal } from '../database/page.ts'
import { type Sql, sql } from '../database/sql.ts'
import type { Row } from '../database/statement.ts'
import type { Scope } from '../runtime/scope.ts'
import type { OperationHandlerOptions } from './handler.ts'
import { fieldsOf } from './json-schema.ts'
import type {
  Filter,
  FilterMap,
  ListContract,
  ListFacts,
  ListRequest,
  Page,
} from './list-contract.ts'
import { rangeBounds } from './list-schema.ts'
import { type Fail, type ProblemMap, validationProblem } from './problem.ts'
import type { ReadUnit } from './unit-of-work-types.ts'

/** A column of the table, or an expression over it. */
export type ColumnSource<Column extends string = string> = Column | Sql

/** Fields that need a source: those that no column of the table is named for. */
type Fields<I extends Schema, F> = (keyof InputOf<I> | keyof F) & string
type ColumnOf<DB, T extends keyof DB> = { [K in T]: keyof DB[K] }[T] & string
type Unnamed<I extends Schema, F, DB, T extends keyof DB> = Exclude<Fields<I, F>, ColumnOf<DB, T>>

type Columns<I extends Schema, F, DB, T extends keyof DB> = {
  readonly [K in Fields<I, F>]?: ColumnSource<ColumnOf<DB, T>>
} & { readonly [K in Unnamed<I, F, DB, T>]: ColumnSource<ColumnOf<DB, T>> }

/** Required only where a field has no column of its own name. */
type ColumnsOption<I extends Schema, F, DB, T extends keyof DB> = [Unnamed<I, F, DB, T>] extends [
  never,
]
  ? { readonly columns?: Columns<I, F, DB, T> }
  : { readonly columns: Columns<I, F, DB, T> }

export interface ListContext<Request, S> {
  readonly input: Request
  readonly scope: Scope
  readonly services: S
}

export interface ListSearch<Column extends string = string> {
  /** Compared from its beginning, by code point: a column with collation "C". */
  readonly column: ColumnSource<Column>
  /** Done to the search text first, as the column was made. */
  readonly fold?: 'lower'
}

export interface ListBase<Request, S, T extends string, Column extends string>
  extends OperationHandlerOptions {
  /** A table, `orders` or `ordering.orders`, or what may follow FROM. */
  readonly from: T | Sql
  /** A unique column, not null, that ends every sort. Default `id`. */
  readonly key?: ColumnSource<Column>
  readonly search?: ListSearch<Column>
  /** Rows this caller may see, beyond what the filters say. */
  where?(context: ListContext<Request, S>): Sql | undefined
  /** Of a list below something: where that is not there, the list is not either. */
  readonly below?: ListParent<Request, S>
}

export interface ListParent<Request, S> {
  /** A statement that finds a row where there is something to list below; sent with the page. */
  exists(context: ListContext<Request, S>): Sql
  /** The problem of the contract where it finds none. */
  readonly otherwise: string
}

export type ListHandler<
  I extends Schema,
  F extends FilterMap,
  Request,
  DB,
  T extends keyof DB & string,
  S,
> = ListBase<Request, S, T, ColumnOf<DB, T>> & ColumnsOption<I, F, DB, T>

export interface AnyListHandler
  extends ListBase<ListRequest<FilterMap, string>, unknown, string, string> {
  readonly columns?: Readonly<Record<string, ColumnSource>>
}

const handlerNames = [
  'allow',
  'limit',
  'around',
  'timeoutMs',
  'replyBytesMax',
  'from',
  'key',
  'search',
  'where',
  'below',
  'columns',
]

/** What can be seen to be wrong without the schemas; thrown when the handler is made. */
export function checkListHandler(contract: ListContract, handler: AnyListHandler): void {
  const where = `handler of list ${shown(contract.name)}`
  knownOptions(where, handler, handlerNames)
  if (handler.from === undefined) throw optionError(where, 'from', 'must name a table')
  if ((contract.list.search === undefined) !== (handler.search === undefined)) {
    throw optionError(
      where,
      'search',
      'must stand in the contract and in the handler, or in neither',
    )
  }
}

/** A list with its expressions resolved, made once. */
export interface ListPlan {
  readonly contract: ListContract
  readonly handler: AnyListHandler
  readonly expressions: ReadonlyMap<string, Sql>
  /** By the sort as it stands in a query. */
  readonly sorts: ReadonlyMap<string, ListStatements>
  readonly search: Sql | undefined
}

export function listPlan(contract: ListContract, handler: AnyListHandler): ListPlan {
  const itemFields = itemFieldsOf(contract)
  const { filters, sorts } = contract.list
  const fields = new Set([...itemFields, ...Object.keys(filters)])
  const sources = handler.columns ?? {}
  const expressions = new Map(
    [...fields].map((field) => [field, expressionOf(sources[field] ?? field)] as const),
  )
  const key = expressionOf(handler.key ?? 'id')
  const from = typeof handler.from === 'string' ? identifier(handler.from) : handler.from
  const columns = itemFields.map((field) => ({ field, expression: expressions.get(field) as Sql }))
  const statements = sorts.map(({ token, fields }) => {
    const sort = sortParts(fields, expressions, key)
    const shape = { columns, from, sort, small: contract.list.small !== undefined }
    return [token, new ListStatements(shape)] as const
  })
  return {
    contract,
    handler,
    expressions,
    sorts: new Map(statements),
    search: handler.search && expressionOf(handler.search.column),
  }
}

export function itemFieldsOf(contract: ListContract): readonly string[] {
  const { item } = contract.list
  const described = item['~standard'].jsonSchema?.input({ target: 'draft-2020-12' })
  return [...fieldsOf(described ?? {}).keys()]
}

/** What the plan cannot be made of; told by the registry with everything else. */
export function listFindings(contract: ListContract, handler: AnyListHandler): readonly string[] {
  const fields = itemFieldsOf(contract)
  const known = [...fields, ...Object.keys(contract.list.filters)]
  const findings: string[] = []
  for (const { fields: parts } of contract.list.sorts) {
    for (const { field } of parts) {
      if (fields.includes(field)) continue
      findings.push(`the sort field "${field}" is no field of its item${didYouMean(field, fields)}`)
    }
  }
  for (const field of Object.keys(handler.columns ?? {})) {
    if (known.includes(field)) continue
    findings.push(
      `columns names "${field}", which is no field or filter${didYouMean(field, known)}`,
    )
  }
  const otherwise = handler.below?.otherwise
  if (otherwise !== undefined && !Object.hasOwn(contract.problems, otherwise)) {
    const hint = didYouMean(otherwise, Object.keys(contract.problems))
    findings.push(`below names the problem "${otherwise}", which it does not declare${hint}`)
  }
  return findings
}

function sortParts(
  fields: ListFacts['sorts'][number]['fields'],
  expressions: ReadonlyMap<string, Sql>,
  key: Sql,
): readonly SortPart[] {
  const parts = fields.map(({ field, direction }) => ({
    expression: expressions.get(field) ?? key,
    direction,
  }))
  const direction = fields.at(-1)?.direction ?? 'asc'
  const last = parts.at(-1)?.expression
  return last?.text === key.text ? parts : [...parts, { expression: key, direction }]
}

function expressionOf(source: ColumnSource): Sql {
  return typeof source === 'string' ? identifier(source) : source
}

function identifier(name: string): Sql {
  return sql`${sql.id(...(name.split('.') as [string, ...string[]]))}`
}

type Request = Readonly<Record<string, unknown>> & ListRequest<FilterMap, string>

export interface ListRun {
  readonly input: Request
  readonly tx: Pick<ReadUnit<unknown>, 'query'>
  readonly scope: Scope
  readonly services: unknown
  readonly fail: Fail<ProblemMap>
}

export async function runList(plan: ListPlan, seal: CursorSeal, run: ListRun): Promise<Page<Row>> {
  const { contract } = plan
  const { input, scope } = run
  const statements = plan.sorts.get(input.sort)
  assert(statements !== undefined, 'Bug: a sort that the list does not declare')
  const binding = bindingOf(contract, scope.tenant, input)
  const after = input.cursor === undefined ? undefined : opened(seal, binding, input.cursor)
  const at = { statements, after, conditions: conditionsOf(plan, run) }
  const { small } = contract.list
  const [cut] = await Promise.all([
    small === undefined ? keysetPage(run, at) : offsetPage(run, at, small.rowsMax),
    assertParent(plan, run),
  ])
  return { data: cut.data, next_cursor: cut.next && sealed(seal, binding, cut.next) }
}

async function assertParent({ handler }: ListPlan, run: ListRun): Promise<void> {
  if (handler.below === undefined) return
  const { input, scope, services, fail } = run
  const found = await run.tx.query(handler.below.exists({ input, scope, services }).bounded(1))
  if (found.length === 0) throw (fail[handler.below.otherwise] as () => Error)()
}

interface At {
  readonly statements: ListStatements
  readonly after: readonly string[] | undefined
  readonly conditions: readonly Sql[]
}

interface Cut {
  readonly data: readonly Row[]
  /** What the next page comes after; null on the last. */
  readonly next: readonly string[] | null
}

async function keysetPage({ input, tx }: ListRun, { statements, ...at }: At): Promise<Cut> {
  const found = await tx.query<Row>(statements.page({ ...at, rows: input.limit + 1 }))
  const data = found.slice(0, input.limit)
  const last = statements.takeKeys(data)
  return { data, next: found.length > input.limit ? last : null }
}

async function offsetPage(
  { input, tx }: ListRun,
  { statements, after, conditions }: At,
  rowsMax: number,
): Promise<Cut> {
  const offset = Number(after?.[0] ?? 0)
  const limit = Math.min(input.limit, rowsMax - offset)
  const found = await tx.query<Row>(statements.page({ conditions, offset, rows: limit + 1 }))
  const next = offset + limit
  if (found.length > limit && next >= rowsMax) {
    throw new HoldfastError(
      'HF_ROWS_MAX',
      `A list that is declared small has over ${rowsMax} rows.`,
    )
  }
  return { data: found.slice(0, limit), next: found.length > limit ? [String(next)] : null }
}

/** Everything a cursor belongs to; the page size may change from page to page. */
function bindingOf(contract: ListContract, tenant: string, input: Request): string {
  const { limit: _, cursor: __, ...asked } = input
  const sorted = Object.entries(asked).sort(([left], [right]) => (left < right ? -1 : 1))
  return JSON.stringify([contract.name, tenant, sorted])
}

function sealed(seal: CursorSeal, binding: string, keys: readonly string[]): string {
  const cursor = seal.seal(binding, keys)
  if (cursor.length <= CURSOR_LENGTH_MAX) return cursor
  throw new HoldfastError('HF_LIST_KEY_LONG', `A cursor of ${cursor.length} characters.`)
}

function opened(seal: CursorSeal, binding: string, cursor: string): readonly string[] {
  const keys = seal.open(binding, cursor)
  if (keys !== undefined) return keys
  const message = 'is not valid for this list with these filters and this sort; begin without it'
  throw validationProblem([{ pointer: '/cursor', message }])
}

function conditionsOf(plan: ListPlan, run: ListRun): readonly Sql[] {
  const { input, scope, services } = run
  const own = plan.handler.where?.({ input, scope, services })
  const filters = Object.entries(plan.contract.list.filters).flatMap(([name, filter]) =>
    filterConditions(plan.expressions.get(name) as Sql, name, filter, input),
  )
  const search = input.q === undefined ? [] : [searchCondition(plan, input.q)]
  return [...(own === undefined ? [] : [sql`(${own})`]), ...filters, ...search]
}

function filterConditions(
  expression: Sql,
  name: string,
  filter: Filter,
  input: Request,
): readonly Sql[] {
  if (filter.kind === 'range') {
    const given = rangeBounds.filter((bound) => input[`${name}.${bound}`] !== undefined)
    return given.map((bound: RangeBound) =>
      rangeCondition(expression, bound, input[`${name}.${bound}`]),
    )
  }
  const value = input[name]
  if (value === undefined) return []
  if (filter.kind === 'prefix') return [prefixCondition(expression, value as string)]
  return [equalsCondition(expression, value)]
}

function searchCondition(plan: ListPlan, q: string): Sql {
  const text = plan.handler.search?.fold === 'lower' ? q.toLowerCase() : q
  return prefixCondition(plan.search as Sql, text)
}
