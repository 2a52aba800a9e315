/**
 * Whether a statement takes rows in the order in which they lie: with LIMIT, DISTINCT ON, or as a
 * list in one value, where no key puts them in order. Which ones it gets then depends on the order in
 * which others have written, whatever rows those were.
 */
import { keyOf } from './row-key.ts'
import type { TableRow } from './store.ts'
import { fieldOf, nodesOf, type Tree } from './tree.ts'

const LISTS = /^(?:array|string|json|jsonb|json_object|jsonb_object|xml)_?agg$/

/** @param tables what each of its names may stand for */
export function takesRowsAsTheyLie(tree: Tree, tables: readonly (readonly TableRow[])[]): boolean {
  if (nodesOf(tree, 'FuncCall').some(listsWithoutOrder)) return true
  const [only, ...others] = tables
  const named = others.length === 0 ? (only ?? []) : []
  const candidates = named.every(({ keyAlone }) => keyAlone) ? named : []
  return nodesOf(tree, 'SelectStmt').some(
    (select) => isCut(select) && !hasOrder(select, candidates) && !keyOf(tree, candidates),
  )
}

function listsWithoutOrder(call: Tree): boolean {
  const [name] = [...(call.funcname as readonly Tree[])].reverse()
  return LISTS.test(String(fieldOf(name, 'String')?.sval)) && call.agg_order === undefined
}

/** Plain DISTINCT is a list of one empty node. */
function isCut({ limitCount, limitOffset, distinctClause }: Tree): boolean {
  const distinct = (distinctClause ?? []) as readonly Tree[]
  const on = distinct.some((node) => Object.keys(node).length > 0)
  return limitCount !== undefined || limitOffset !== undefined || on
}

/** Sorted by the primary key, among others. Rows of a join may share that of either side. */
function hasOrder(select: Tree, [table, ...others]: readonly TableRow[]): boolean {
  if (table?.key == null || table.view || others.length > 0) return false
  return nodesOf(select.sortClause, 'ColumnRef').some(({ fields }) => {
    const name = (fields as readonly Tree[]).at(-1)
    return fieldOf(name, 'String')?.sval === table.key
  })
}
