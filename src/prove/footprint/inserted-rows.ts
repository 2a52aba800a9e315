/**
 * What an INSERT puts into the unique indexes of its table, as far as its text tells. Two INSERTs that
 * differ in each of them do not wait for each other, and neither can tell which went first.
 */
import { constantOf, KEY_TYPES, type RowKey } from './row-key.ts'
import type { TableRow, UniqueColumn } from './store.ts'
import { fieldOf, type Tree } from './tree.ts'

/** By index, by row, by column; undefined in place of a row that the text does not tell. */
export type InsertedRows = readonly (readonly (readonly RowKey[] | undefined)[])[]

/** Positions are drawn in an order that no command reads: subscriptions do. */
const LOG = 'holdfast.events'

export function insertedRows(insert: Tree | undefined, table: TableRow): InsertedRows | undefined {
  if (insert === undefined || table.indexes === null) return undefined
  if (`${table.schema}.${table.name}` === LOG) return []
  // Ids of one sequence tell who came first.
  if (table.draws) return undefined
  const select = fieldOf(insert.selectStmt, 'SelectStmt')
  const lists = select?.valuesLists as readonly Tree[] | undefined
  if (lists === undefined) return undefined
  const columns = ((insert.cols ?? []) as readonly Tree[]).map((column) =>
    String(fieldOf(column, 'ResTarget')?.name),
  )
  return table.indexes.map((index) =>
    lists.map((list) => rowIn(index, columns, fieldOf(list, 'List')?.items as readonly Tree[])),
  )
}

/** Columns that are left out have one value for all, as the tenant: they tell nothing apart. */
function rowIn(
  index: readonly UniqueColumn[],
  columns: readonly string[],
  values: readonly Tree[],
): readonly RowKey[] | undefined {
  const keys: RowKey[] = []
  for (const { name, type, drawn } of index) {
    const value = values[columns.indexOf(name)]
    if (value === undefined) {
      if (drawn) return undefined
      continue
    }
    const key = KEY_TYPES.has(type) ? constantOf(bare(value)) : undefined
    if (key === undefined) return undefined
    keys.push({ ...key, type })
  }
  return keys
}

function bare(value: Tree): Tree {
  const cast = fieldOf(value, 'TypeCast')
  return cast === undefined ? value : bare(cast.arg as Tree)
}
