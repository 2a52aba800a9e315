/** The indexes that the lists of an app need, for the check at start and in CI. */
import {
  indexFindings,
  type ListedTable,
  listedTables,
  type RequiredIndex,
} from '../database/list-indexes.ts'
import type { Pool } from '../database/pool.ts'
import type { ColumnSource, ListPlan } from './list-handler.ts'
import type { Registry } from './registered.ts'

/** None for a sort over an expression or a join: what serves these cannot be told from outside. */
export function requiredIndexes(plan: ListPlan): readonly RequiredIndex[] {
  const { contract, handler } = plan
  const { from: table, key = 'id', columns = {} } = handler
  if (typeof table !== 'string' || contract.list.small !== undefined) return []
  const columnOf = (field: string): ColumnSource => columns[field] ?? field
  // What stands in the path is one value for each request: a list below something.
  const fixed = (contract.http?.params ?? []).map(columnOf)
  return contract.list.sorts.flatMap(({ token, fields }) => {
    const sorted = [...fields.map(({ field }) => columnOf(field)), key]
    if (![...fixed, ...sorted].every((source) => typeof source === 'string')) return []
    const names = [...new Set(sorted as string[])]
    return [{ list: contract.name, sort: token, table, fixed: fixed as string[], columns: names }]
  })
}

/** Findings about all lists of an app. Empty where nothing is missing. */
export async function missingIndexes(registry: Registry, pool: Pool): Promise<readonly string[]> {
  const plans = [...registry.operations.values()].flatMap((operation) =>
    operation.kind === 'query' && operation.list !== undefined ? [operation.list] : [],
  )
  const required = plans.flatMap(requiredIndexes)
  if (required.length === 0) return []
  const [found] = await pool.run([listedTables(required.map(({ table }) => table))])
  return indexFindings(required, (found?.rows ?? []) as unknown as readonly ListedTable[])
}
