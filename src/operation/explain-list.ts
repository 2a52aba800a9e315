/** What a declared list lets callers ask for, and the SQL that it comes to. */
import type { ListPlan } from './list-handler.ts'
import { requiredIndexes } from './list-indexes.ts'

export interface ExplainedList {
  readonly filters: readonly string[]
  readonly sorts: readonly string[]
  readonly search: boolean
  readonly pageDefault: number
  readonly pageMax: number
  /** Declared small: pages by OFFSET; else by keyset. */
  readonly small: boolean
  /** The first page in its default sort, without filters and without the handler's own conditions. */
  readonly sql: string
  /** That its sorts need: `orders (placed_at, id)`. Of a sort over an expression none is known. */
  readonly indexes: readonly string[]
}

export function explainList(plan: ListPlan): ExplainedList {
  const { filters, sorts, search, page, small } = plan.contract.list
  const statements = plan.sorts.get(sorts[0]?.token ?? '')
  return {
    filters: Object.entries(filters).map(([name, { kind }]) => `${name} (${kind})`),
    sorts: sorts.map(({ token }) => token),
    search: search !== undefined,
    pageDefault: page.default,
    pageMax: page.max,
    small: small !== undefined,
    // One row more than the page tells whether there is a next one.
    sql: statements?.page({ conditions: [], rows: page.default + 1 }).text ?? '',
    indexes: requiredIndexes(plan).map(({ table, columns }) => `${table} (${columns.join(', ')})`),
  }
}
