/**
 * The one row that a statement looks at, where its text names it: `WHERE id = $1 AND ...` over one
 * table and nothing else. What is not certain to name one row names none.
 */
import type { TableRow } from './store.ts'
import { fieldOf, nodesOf, type Tree } from './tree.ts'

/** The value of the primary key, as it stands in the text. */
export interface RowKey {
  readonly type: string
  readonly parameter?: number
  readonly constant?: string
}

/** Types whose texts are equal exactly where their values are. */
export const KEY_TYPES = new Set([
  'integer',
  'bigint',
  'smallint',
  'uuid',
  'text',
  'character varying',
])

/** @param tables what its one name may stand for */
export function keyOf(tree: Tree, tables: readonly TableRow[]): RowKey | undefined {
  const [table, ...others] = tables
  if (table === undefined || others.length > 0) return undefined
  // A view has no key: its columns may be anything.
  if (table.key === null || !KEY_TYPES.has(table.keyType ?? '')) return undefined
  const statement = Object.values(tree)[0] as Tree
  if (!isOverOneTable(tree, statement)) return undefined
  for (const condition of conjuncts(statement.whereClause as Tree | undefined)) {
    const key = equalityWith(condition, table.key)
    if (key !== undefined) return { ...key, type: table.keyType ?? '' }
  }
  return undefined
}

/** The condition may else be one on rows of a function, or on what a CTE has returned. */
function isOverOneTable(tree: Tree, statement: Tree): boolean {
  if (nodesOf(tree, 'CommonTableExpr').length > 0) return false
  if (!('SelectStmt' in tree)) return isOnlyTarget(tree, statement)
  const from = (statement.fromClause ?? []) as readonly Tree[]
  const [range] = from
  return (
    from.length === 1 && statement.op === 'SETOP_NONE' && isCalledAsItIs(fieldOf(range, 'RangeVar'))
  )
}

function isOnlyTarget(tree: Tree, statement: Tree): boolean {
  const changes = 'UpdateStmt' in tree || 'DeleteStmt' in tree
  const others = statement.fromClause ?? statement.usingClause
  return changes && others === undefined && isCalledAsItIs(statement.relation as Tree)
}

/** `FROM rows AS r (n, id)` gives other columns the name of the key. */
function isCalledAsItIs(range: Tree | undefined): boolean {
  return range !== undefined && (range.alias as Tree | undefined)?.colnames === undefined
}

function conjuncts(condition: Tree | undefined): Tree[] {
  const both = fieldOf(condition, 'BoolExpr')
  if (both?.boolop === 'AND_EXPR') return (both.args as readonly Tree[]).flatMap(conjuncts)
  return condition === undefined ? [] : [condition]
}

function equalityWith(condition: Tree, column: string): Omit<RowKey, 'type'> | undefined {
  const equality = fieldOf(condition, 'A_Expr')
  if (equality?.kind !== 'AEXPR_OP') return undefined
  const [operator] = equality.name as readonly Tree[]
  if (fieldOf(operator, 'String')?.sval !== '=') return undefined
  const sides = [equality.lexpr as Tree, equality.rexpr as Tree]
  const other = sides.find((side) => fieldOf(side, 'ColumnRef') === undefined)
  const named = sides.some((side) => {
    const fields = fieldOf(side, 'ColumnRef')?.fields as readonly Tree[] | undefined
    return fieldOf(fields?.at(-1), 'String')?.sval === column
  })
  return named && other !== undefined ? constantOf(other) : undefined
}

export function constantOf(side: Tree): Omit<RowKey, 'type'> | undefined {
  const parameter = fieldOf(side, 'ParamRef')?.number
  if (typeof parameter === 'number') return { parameter }
  const constant = fieldOf(side, 'A_Const')
  const integer = fieldOf(constant, 'ival')
  // A zero has no field of its own.
  const text = fieldOf(constant, 'sval')?.sval ?? (integer && (integer.ival ?? 0))
  return text === undefined ? undefined : { constant: String(text) }
}
