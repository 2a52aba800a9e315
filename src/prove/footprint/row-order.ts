/**
 * Whether a statement takes rows in the order in which they lie: with LIMIT, DISTINCT ON, or as a
 * list in one value, where no key puts them in order. Which ones it gets then depends on the order in
 * which others have written, whatever rows those were.
 */
import { keyOf } from './row-key.ts'
import type { TableRow } from './store.ts'
import { fieldOf, functionName, lastName, nodesOf, type Tree } from './tree.ts'

/** What each of the names in a statement may stand for. */
type Ranges = readonly (readonly TableRow[])[]

export function takesRowsAsTheyLie(tree: Tree, ranges: Ranges): boolean {
  if (ranges.length === 0) return false
  const table = onlyTable(ranges)
  return (
    nodesOf(tree, 'FuncCall').some((call) => listsWithoutOrder(call, table)) ||
    addsFractions(tree, ranges) ||
    hasListInOneValue(tree, table) ||
    takesAnyMatch(tree) ||
    looksAtPlaces(tree, ranges) ||
    nodesOf(tree, 'SelectStmt').some((select) => isCut(select) && !isInOrder(tree, select, table))
  )
}

/** Whoever runs it gets at most one row, or several in an order that their values give. */
export function hasTotalOrder(tree: Tree, ranges: Ranges): boolean {
  const table = onlyTable(ranges)
  const select = fieldOf(tree, 'SelectStmt')
  if (select === undefined) return keyOf(tree, table ? [table] : []) !== undefined
  return isInOrder(tree, select, table)
}

function isInOrder(tree: Tree, select: Tree, table: TableRow | undefined): boolean {
  return hasOrder(select, table) || keyOf(tree, table ? [table] : []) !== undefined
}

/** The only one that is named, where its key is one column. */
function onlyTable(ranges: Ranges): TableRow | undefined {
  const [only = [], ...others] = ranges
  const [table, ...namesakes] = only
  return others.length + namesakes.length === 0 && table?.keyAlone && !table.view
    ? table
    : undefined
}

const LISTS =
  /^(?:(?:array|string|xml|jsonb?|jsonb?_object)_?agg(?:_unique)?(?:_strict)?|any_value)$/

function listsWithoutOrder(call: Tree, table: TableRow | undefined): boolean {
  const over = call.over as Tree | undefined
  if (over !== undefined) return !isSorted(over.orderClause, table)
  if (!LISTS.test(functionName(call)) || call.agg_distinct === true) return false
  return !isSorted(call.agg_order, table) && !sortsAllItShows(call)
}

/** By the key, or by what it lists: where that is equal, the order is nothing to see. */
function sortsAllItShows({ args, agg_order: order }: Tree): boolean {
  const sorted = nodesOf(order, 'ColumnRef').map(({ fields }) => lastName(fields))
  return (
    order !== undefined &&
    sortColumns(order).length === (order as readonly Tree[]).length &&
    nodesOf(args, 'ColumnRef').every(({ fields }) => sorted.includes(lastName(fields)))
  )
}

const SUMS = /^(?:sum|avg|stddev|variance|var_|corr|covar_|regr_)/

/** Sums of fractions are rounded as they go. */
function addsFractions(tree: Tree, ranges: Ranges): boolean {
  if (!nodesOf(tree, 'FuncCall').some((call) => SUMS.test(functionName(call)))) return false
  const casts = nodesOf(tree, 'typeName').map(({ names }) => lastName(names))
  return (
    casts.some((name) => /^float[48]$/.test(name)) || ranges.flat().some(({ floats }) => floats)
  )
}

/** `ARRAY(SELECT ...)`, JSON_ARRAYAGG and JSON_OBJECTAGG. */
function hasListInOneValue(tree: Tree, table: TableRow | undefined): boolean {
  const arrays = nodesOf(tree, 'SubLink').filter(
    ({ subLinkType }) => subLinkType === 'ARRAY_SUBLINK',
  )
  const selects = nodesOf(
    arrays.map(({ subselect }) => subselect),
    'SelectStmt',
  )
  return (
    selects.some((select) => !hasOrder(select, table)) ||
    ['JsonArrayAgg', 'JsonObjectAgg'].some((kind) => nodesOf(tree, kind).length > 0)
  )
}

/** `UPDATE ... FROM rows`: where several match, the first that comes. */
function takesAnyMatch(tree: Tree): boolean {
  return nodesOf(tree, 'UpdateStmt').some(
    ({ fromClause }) => nodesOf(fromClause, 'RangeVar').length > 0,
  )
}

/** Holdfast asks for the place of a row to find it again in the same transaction, and tells nobody. */
function looksAtPlaces(tree: Tree, ranges: Ranges): boolean {
  const asks = nodesOf(tree, 'ColumnRef').some(({ fields }) => lastName(fields) === 'ctid')
  return asks && ranges.flat().some(({ schema }) => schema !== 'holdfast')
}

/** Plain DISTINCT is a list of one empty node. */
function isCut({ limitCount, limitOffset, distinctClause }: Tree): boolean {
  const distinct = (distinctClause ?? []) as readonly Tree[]
  const on = distinct.some((node) => Object.keys(node).length > 0)
  return limitCount !== undefined || limitOffset !== undefined || on
}

/** Sorted by the primary key, among others. Rows of a join may share that of either side. */
function hasOrder({ sortClause, targetList }: Tree, table: TableRow | undefined): boolean {
  return isSorted(sortClause, table) && !isAlias(targetList, table?.key)
}

/** ORDER BY goes by the names that the columns of the answer have. */
function isAlias(targetList: unknown, key: string | null | undefined): boolean {
  return nodesOf(targetList, 'ResTarget').some(
    ({ name, val }) =>
      name === key && lastName(fieldOf(val, 'ColumnRef')?.fields ?? []) !== key?.toLowerCase(),
  )
}

function isSorted(order: unknown, table: TableRow | undefined): boolean {
  if (table?.key == null) return false
  return sortColumns(order).includes(table.key.toLowerCase())
}

/** By a column itself, not by what is made of it. */
function sortColumns(order: unknown): string[] {
  return ((order ?? []) as readonly Tree[]).flatMap((part) => {
    const column = fieldOf(fieldOf(part, 'SortBy')?.node, 'ColumnRef')
    return column === undefined ? [] : [lastName(column.fields)]
  })
}
