/**
 * Lists: what may be asked of many rows. A list declares its filters, sorts, search and page size;
 * everything else is refused. On the wire a filter is a query parameter of its name, a range adds
 * `.gte`, `.gt`, `.lte`, `.lt`, a sort is `-placed_at` (descending) or `total_minor`, a search is
 * `q`, a page is `limit` and the opaque `cursor` of the page before. A filter that stands in the path,
 * `GET /v1/orders/{id}/notes`, is required.
 */
import { integerOption, knownOptions, optionError, shown } from '../base/bounds.ts'
import { didYouMean } from '../base/did-you-mean.ts'
import type { InputOf, OutputOf, Schema } from '../base/schema.ts'
import type { Direction, RangeBound } from '../database/list-sql.ts'
import { type HttpText, parseHttp } from './binding.ts'
import { contractName, defineQuery, type QueryContract } from './contract.ts'
import { definition } from './definition.ts'
import { inputSchema, pageSchema } from './list-schema.ts'
import type { NoProblems, ProblemMap } from './problem.ts'

export type FilterKind = 'equals' | 'oneOf' | 'range' | 'prefix'

/** A filter and the values it takes. `Wire` is the shape of its query parameters. */
export interface Filter<K extends FilterKind = FilterKind, V extends Schema = Schema> {
  readonly kind: K
  /** Of one value. */
  readonly value: V
  /** The values of `oneOf`. */
  readonly values: readonly string[]
}

export type FilterMap = Readonly<Record<string, Filter>>

/** A filter for one value: `?customer_id=c1`. */
export function equals<V extends Schema>(value: V): Filter<'equals', V> {
  return Object.freeze({ kind: 'equals', value, values: [] })
}

/** A filter for one of these words, `?status=placed`, or for several: `?status=placed&status=cancelled`. */
export function oneOf<const V extends string>(
  ...values: readonly [V, ...V[]]
): Filter<'oneOf', Schema<V>> {
  return Object.freeze({ kind: 'oneOf', value: wordSchema(values), values })
}

/** A filter with bounds: `?placed_at.gte=2026-11-01T00:00:00Z&placed_at.lt=2026-12-01T00:00:00Z`. */
export function range<V extends Schema>(value: V): Filter<'range', V> {
  return Object.freeze({ kind: 'range', value, values: [] })
}

/** A filter for texts that begin so, code point by code point: `?sku=GLA-`. */
export function prefix<V extends Schema<string, string>>(value: V): Filter<'prefix', V> {
  return Object.freeze({ kind: 'prefix', value, values: [] })
}

function wordSchema<V extends string>(values: readonly V[]): Schema<V> {
  const expected = `must be one of ${values.map((value) => `"${value}"`).join(', ')}`
  const jsonSchema = () => ({ type: 'string', enum: [...values] })
  return {
    '~standard': {
      version: 1,
      vendor: 'holdfast',
      validate: (value) => {
        const found = values.find((candidate) => candidate === value)
        if (found !== undefined) return { value: found }
        return { issues: [{ message: `${expected}${didYouMean(String(value), values)}` }] }
      },
      jsonSchema: { input: jsonSchema, output: jsonSchema },
    },
  }
}

type RangeKey<K extends string> = `${K}.${RangeBound}`

type Several<V> = V | readonly V[]

/** The query parameters of the filters, as callers send them. */
export type FilterInput<F> = {
  readonly [K in keyof F & string as F[K] extends Filter<'range'> ? RangeKey<K> : K]?:
    | (F[K] extends Filter<infer Kind, infer V>
        ? Kind extends 'oneOf'
          ? Several<InputOf<V>>
          : InputOf<V>
        : never)
    | undefined
}

/** The same after their schemas. */
export type FilterOutput<F> = {
  readonly [K in keyof F & string as F[K] extends Filter<'range'> ? RangeKey<K> : K]?:
    | (F[K] extends Filter<infer Kind, infer V>
        ? Kind extends 'oneOf'
          ? Several<OutputOf<V>>
          : OutputOf<V>
        : never)
    | undefined
}

/** `placed_at desc`; more columns after commas, all of one direction. */
export type SortText<Field extends string> =
  | `${Field} ${Direction}`
  | `${Field} ${Direction}, ${string}`

/** As it stands in a query: `placed_at desc` is `-placed_at`. */
export type SortToken<S> = S extends `${infer First}, ${infer Rest}`
  ? `${SortToken<First>},${SortToken<Rest>}`
  : S extends `${infer Field} desc`
    ? `-${Field}`
    : S extends `${infer Field} asc`
      ? Field
      : never

export interface PageInput<Token> {
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
  readonly sort?: Token | undefined
  /** Where the list declares a search. */
  readonly q?: string | undefined
}

/** A page of a list as it is answered. */
export interface Page<Item> {
  readonly data: readonly Item[]
  /** Null on the last page. */
  readonly next_cursor: string | null
}

export type ListInput<F, Token> = FilterInput<F> & PageInput<Token>
export type ListRequest<F, Token> = FilterOutput<F> &
  PageInput<Token> & { readonly limit: number; readonly sort: Token }

export interface SortField {
  readonly field: string
  readonly direction: Direction
}

export interface ListSort {
  /** On the wire: `-placed_at`. */
  readonly token: string
  readonly fields: readonly SortField[]
}

/** What a list declares, as the handler, the description and the index check need it. */
export interface ListFacts {
  readonly item: Schema
  readonly filters: FilterMap
  /** The first is the default. */
  readonly sorts: readonly ListSort[]
  readonly search: SearchBounds | undefined
  readonly page: { readonly default: number; readonly max: number }
  /** Bounded and small: paged by OFFSET, so that sorts may mix directions and hold nulls. */
  readonly small: { readonly rowsMax: number } | undefined
}

export interface SearchBounds {
  readonly lengthMin: number
  readonly lengthMax: number
}

/** The contract of a list: a query whose handler is a table and its columns. */
export interface ListContract<
  I extends Schema = Schema,
  F extends FilterMap = FilterMap,
  S extends string = string,
  P extends ProblemMap = ProblemMap,
> extends QueryContract<
    Schema<ListInput<F, SortToken<S>>, ListRequest<F, SortToken<S>>>,
    Schema<Page<InputOf<I>>, Page<OutputOf<I>>>,
    P
  > {
  readonly list: ListFacts
  /** Carries types only; never present. */
  readonly listTypes?: { readonly item: I; readonly filter: F; readonly sort: S } | undefined
}

type FieldOf<I extends Schema> = keyof InputOf<I> & string

export interface ListOptions<
  I extends Schema,
  F extends FilterMap,
  S extends string,
  P extends ProblemMap,
> {
  readonly name: string
  readonly http?: HttpText<'GET'>
  /** One row of the list. */
  readonly item: I
  readonly filter?: F
  /** Sorts that may be asked for, the default first: `['placed_at desc', 'total_minor asc']`. */
  readonly sort: readonly [S, ...S[]]
  /** `?q=`; the handler says what is searched. */
  readonly search?: { readonly lengthMin?: number; readonly lengthMax?: number }
  /** Rows of a page where the caller does not say, and at most. */
  readonly page?: { readonly default?: number; readonly max?: number }
  /** Declares that there are never more rows than this: pages by OFFSET, any sort. */
  readonly small?: { readonly rowsMax: number }
  readonly problems?: P
  readonly summary?: string
  readonly description?: string
}

const listBounds = {
  max: { min: 1, max: 1000, default: 100, because: 'a reply is built in memory and sent whole' },
  default: { min: 1, max: 1000, default: 20, because: 'a screenful' },
  rowsMax: { min: 1, max: 10_000, default: 1000, because: 'OFFSET reads all rows before the page' },
  lengthMin: { min: 1, max: 10, default: 1, because: 'a short search text matches much' },
  lengthMax: { min: 1, max: 200, default: 100, because: 'no column worth searching is longer' },
} as const

const optionNames = [
  'name',
  'http',
  'item',
  'filter',
  'sort',
  'search',
  'page',
  'small',
  'problems',
  'summary',
  'description',
]

/**
 * A query over many rows: filters, sorts, search and pages that may be asked for, and nothing else.
 */
export function defineList<
  I extends Schema,
  const S extends SortText<FieldOf<I>>,
  F extends FilterMap = Readonly<Record<never, never>>,
  P extends ProblemMap = NoProblems,
>(options: ListOptions<I, F, S, P>): ListContract<I, F, S, P> {
  const where = contractName('list', options.name)
  knownOptions(where, options, optionNames)
  const list = listFacts(where, options)
  const { name, http, problems, summary, description } = options
  const query = defineQuery({
    name,
    ...(http && { http }),
    input: inputSchema<ListInput<F, SortToken<S>>, ListRequest<F, SortToken<S>>>(
      list,
      http === undefined ? [] : parseHttp(where, http).params,
    ),
    output: pageSchema<I>(options.item),
    ...(problems && { problems }),
    ...(summary !== undefined && { summary }),
    ...(description !== undefined && { description }),
  })
  return definition({ ...query, list }) as unknown as ListContract<I, F, S, P>
}

function listFacts(
  where: string,
  options: ListOptions<Schema, FilterMap, string, ProblemMap>,
): ListFacts {
  const filters = checkedFilters(where, options.filter ?? {})
  const max = integerOption(where, 'page.max', options.page?.max, listBounds.max)
  const bound = { ...listBounds.default, max, default: Math.min(listBounds.default.default, max) }
  const small = options.small && {
    rowsMax: integerOption(where, 'small.rowsMax', options.small.rowsMax, listBounds.rowsMax),
  }
  return Object.freeze({
    item: options.item,
    filters,
    sorts: options.sort.map((text) => parseSort(where, text, small !== undefined)),
    search: options.search && searchBounds(where, options.search),
    page: { default: integerOption(where, 'page.default', options.page?.default, bound), max },
    small,
  })
}

const RESERVED = ['limit', 'cursor', 'sort', 'q']
const FIELD = /^[a-zA-Z][a-zA-Z0-9_]*$/

function checkedFilters(where: string, filters: FilterMap): FilterMap {
  for (const name of Object.keys(filters)) {
    if (RESERVED.includes(name)) throw optionError(where, `filter ${shown(name)}`, 'is reserved')
    if (!FIELD.test(name)) throw optionError(where, `filter ${shown(name)}`, 'is no field name')
  }
  return Object.freeze({ ...filters })
}

function searchBounds(where: string, search: Partial<SearchBounds>): SearchBounds {
  knownOptions(`${where}, search`, search, ['lengthMin', 'lengthMax'])
  const lengthMin = integerOption(where, 'search.lengthMin', search.lengthMin, listBounds.lengthMin)
  const lengthMax = integerOption(where, 'search.lengthMax', search.lengthMax, listBounds.lengthMax)
  return { lengthMin, lengthMax }
}

const SORT_PART = /^([a-zA-Z][a-zA-Z0-9_]*) (asc|desc)$/

function parseSort(where: string, text: string, mixed: boolean): ListSort {
  const fields = text.split(', ').map((part): SortField => {
    const [, field, direction] = SORT_PART.exec(part) ?? []
    if (field !== undefined) return { field, direction: direction as Direction }
    throw optionError(where, 'sort', `holds ${shown(text)} and must be like "placed_at desc"`)
  })
  const token = fields.map(({ field, direction }) => (direction === 'desc' ? `-${field}` : field))
  const directions = new Set(fields.map(({ direction }) => direction))
  if (directions.size > 1 && !mixed) {
    const reason = 'a keyset compares whole rows, so all its columns go one way'
    throw optionError(where, 'sort', `${shown(text)} mixes asc and desc; ${reason}`)
  }
  return Object.freeze({ token: token.join(','), fields })
}
