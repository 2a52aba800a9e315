/** The indexes that the lists of an app need, for the check at start and in CI. */
import {
  indexFindings,
  type ListedTable,
  listedTables,
  type RequiredIndex,
} from '../database/list-indexes.ts'
import type { Statement } from '../database/statement.ts'
import type { ColumnSource, ListPlan } from './list-handler.ts'
import type { Registry } from './registered.ts'

/** None for a sort over an expression or a join: what serves these cannot be told from outside. */
export function requiredIndexes(plan: ListPlan): readonly RequiredIndex[] {
  const { contract, handler } = plan
  const { from: table, key = 'id', columns = {} } = handler
  if (typeof table !== 'string' || contract.list.small !== undefined) return []
  return contract.list.sorts.flatMap(({ token, fields }) => {
    const sources = [...fields.map(({ field }): ColumnSource => columns[field] ?? field), key]
    const names = sources.filter((source) => typeof source === 'string')
    if (names.length < sources.length) return []
    return [{ list: contract.name, sort: token, table, columns: [...new Set(names)] }]
  })
}

/** Findings about all lists of an app; `run` sends one statement. Empty where nothing is missing. */
export async function missingIndexes(
  registry: Registry,
  run: (statement: Statement) => Promise<readonly ListedTable[]>,
): Promise<readonly string[]> {
  const plans = [...registry.operations.values()].flatMap((operation) =>
    operation.kind === 'query' && operation.list !== undefined ? [operation.list] : [],
  )
  const required = plans.flatMap(requiredIndexes)
  if (required.length === 0) return []
  return indexFindings(required, await run(listedTables(required.map(({ table }) => table))))
}
