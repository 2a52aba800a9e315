/**
 * What an INSERT puts into the unique indexes of its table, as far as its text tells. Two INSERTs that
 * differ in each of them do not wait for each other, and neither can tell which went first.
 */
import { constantOf, KEY_TYPES, type RowKey } from './row-key.ts'
import type { TableRow, UniqueColumn } from './store.ts'
import { fieldOf, lastName, type Tree } from './tree.ts'

/** What the rows of one INSERT put into one index. */
export interface IndexKeys {
  /** Those of its columns that are given. */
  readonly given: string
  /** By row, by column; undefined in place of a row that the text does not tell. */
  readonly rows: readonly (readonly RowKey[] | undefined)[]
}

/** By index. */
export type InsertedRows = readonly IndexKeys[]

/** Positions are drawn in an order that matters to those alone who read the log. */
export const LOG = 'holdfast.events'

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
  return table.indexes.map((index) => ({
    given: index
      .map(({ name }) => name)
      .filter((name) => columns.includes(name))
      .join(),
    rows: lists.map((list) =>
      rowIn(index, columns, fieldOf(list, 'List')?.items as readonly Tree[]),
    ),
  }))
}

/** Columns that are left out, as the tenant often is, tell nothing apart. */
function rowIn(
  index: readonly UniqueColumn[],
  columns: readonly string[],
  values: readonly Tree[],
): readonly RowKey[] | undefined {
  const keys: RowKey[] = []
  for (const { name, type } of index) {
    const value = values[columns.indexOf(name)]
    if (value === undefined) continue
    const key = KEY_TYPES.has(type) ? constantOf(bare(value, type)) : undefined
    if (key === undefined) return undefined
    keys.push({ ...key, type })
  }
  return keys
}

const INTEGERS = ['int2', 'int4', 'int8']
const TEXTS = ['text', 'varchar']

/** Casts to these leave the value what its text says; `varchar(2)` would cut it. */
const SAME: Readonly<Record<string, readonly string[]>> = {
  integer: INTEGERS,
  bigint: INTEGERS,
  smallint: INTEGERS,
  uuid: ['uuid'],
  text: TEXTS,
  'character varying': TEXTS,
}

function bare(value: Tree, type: string): Tree {
  const cast = fieldOf(value, 'TypeCast')
  const { names, typmods } = (cast?.typeName ?? {}) as Tree
  if (cast === undefined || typmods !== undefined || !SAME[type]?.includes(lastName(names)))
    return value
  return bare(cast.arg as Tree, type)
}
