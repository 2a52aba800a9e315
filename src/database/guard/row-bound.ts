/**
 * How many rows a statement can give: a bound that follows from its text and the unique keys of the
 * tables, or the reason why there is none. Where this is not sure, there is none.
 *
 * A SELECT is bounded by a LIMIT, by being one row by nature (an aggregate without GROUP BY, no
 * FROM), or because each relation of its FROM is: a table when all columns of a unique key are
 * compared for equality with parameters or with columns of relations that are bounded already
 * (`= ANY($1)` counts: the parameter bounds it), a query in FROM or WITH when it is bounded itself.
 */
import type { Catalog, CatalogTable } from '../catalog.ts'
import { as, conjuncts, functionName, type NodeOf, walk, withoutCasts } from './ast.ts'
import type { Node } from './query-parser.ts'
import { type Condition, type Relation, Scope, type SelectBody } from './query-scope.ts'

export interface Verdict {
  readonly problem: { readonly code: ProblemCode; readonly reason: string } | undefined
  /** Places (from 0) of values that must not be null: LIMIT NULL is no limit. */
  readonly limits: readonly number[]
}

export type ProblemCode = 'HF_UNBOUNDED_SELECT' | 'HF_UNBOUNDED_WRITE'

/** Why there is no bound; undefined where there is one. */
type Reason = string | undefined

export function judgeRows(statement: Node, catalog: Catalog): Verdict {
  const judge = new Judge(catalog)
  const write = judge.unconditionalWrite(statement)
  if (write !== undefined) {
    return { problem: { code: 'HF_UNBOUNDED_WRITE', reason: write }, limits: [] }
  }
  const reason = judge.query(statement, undefined)
  const problem =
    reason === undefined ? undefined : ({ code: 'HF_UNBOUNDED_SELECT', reason } as const)
  return { problem, limits: judge.limits }
}

/** Functions that give as many rows as their argument has parts. */
const AS_MANY_AS_THE_ARGUMENT = new Set([
  'unnest',
  'json_array_elements',
  'json_array_elements_text',
  'jsonb_array_elements',
  'jsonb_array_elements_text',
  'json_each',
  'json_each_text',
  'jsonb_each',
  'jsonb_each_text',
  'json_object_keys',
  'jsonb_object_keys',
  'json_to_recordset',
  'jsonb_to_recordset',
  'json_populate_recordset',
  'jsonb_populate_recordset',
  'string_to_table',
  'regexp_split_to_table',
])

/** More alternatives than this are left undecided. */
const ARMS_MAX = 32

class Judge {
  readonly limits: number[] = []
  readonly #catalog: Catalog

  constructor(catalog: Catalog) {
    this.#catalog = catalog
  }

  /** An UPDATE or DELETE without a WHERE, in the statement or its WITH list. */
  unconditionalWrite(statement: Node): Reason {
    let reason: Reason
    walk(statement, (kind, body) => {
      if (kind !== 'UpdateStmt' && kind !== 'DeleteStmt') return true
      const { relation, whereClause } = body as NodeOf<'UpdateStmt'> | NodeOf<'DeleteStmt'>
      if (whereClause === undefined) {
        const verb = kind === 'UpdateStmt' ? 'updates' : 'deletes'
        reason ??= `it ${verb} every row of ${relation?.relname}`
      }
      return true
    })
    return reason
  }

  query(node: Node, around: Scope | undefined): Reason {
    const select = as(node, 'SelectStmt')
    if (select !== undefined) return this.#select(select, around)
    const insert = as(node, 'InsertStmt')
    if (insert !== undefined) return this.#insert(insert, around)
    const merge = as(node, 'MergeStmt')
    if (merge?.returningClause !== undefined) return 'MERGE returns what its source gives'
    // The rows of UPDATE and DELETE: those that the WHERE, which they must have, lets through.
    return undefined
  }

  #insert(insert: NodeOf<'InsertStmt'>, around: Scope | undefined): Reason {
    if (insert.returningClause === undefined || insert.selectStmt === undefined) return undefined
    const scope = new Scope(this.#catalog, { ...withOf(insert) }, around)
    return this.query(insert.selectStmt, scope)
  }

  #select(select: SelectBody, around: Scope | undefined): Reason {
    if (this.#limited(select)) return undefined
    if (select.larg !== undefined && select.rarg !== undefined) {
      return this.#setOperation(select, select.larg, select.rarg, around)
    }
    if (select.valuesLists !== undefined) return undefined
    const set = this.#setInTargets(select)
    if (set !== undefined) return set
    if (this.#isOneRow(select)) return undefined
    return this.#from(new Scope(this.#catalog, select, around))
  }

  /** LIMIT and FETCH FIRST by constants and parameters. WITH TIES lets more through. */
  #limited(select: SelectBody): boolean {
    if (select.limitCount === undefined || select.limitOption !== 'LIMIT_OPTION_COUNT') return false
    let plain = true
    const params: number[] = []
    walk([select.limitCount], (kind, body) => {
      if (kind === 'ParamRef') params.push(((body as NodeOf<'ParamRef'>).number ?? 1) - 1)
      else if (kind === 'A_Const') plain &&= (body as NodeOf<'A_Const'>).isnull !== true
      else plain &&= ['TypeCast', 'TypeName', 'String', 'A_Expr'].includes(kind)
      return plain
    })
    if (plain) this.limits.push(...params)
    return plain
  }

  #setOperation(
    select: SelectBody,
    larg: SelectBody,
    rarg: SelectBody,
    around: Scope | undefined,
  ): Reason {
    const scope = new Scope(this.#catalog, { ...withOf(select) }, around)
    const left = this.#select(larg, scope)
    if (select.op === 'SETOP_EXCEPT') return left
    const right = this.#select(rarg, scope)
    if (select.op === 'SETOP_INTERSECT' && right === undefined) return undefined
    return left ?? right
  }

  /** `SELECT generate_series(...)`: rows come out of the select list. */
  #setInTargets(select: SelectBody): Reason {
    let reason: Reason
    const { targetList, sortClause, groupClause, distinctClause } = select
    walk([targetList, sortClause, groupClause, distinctClause], (kind, body) => {
      if (kind === 'SubLink') return false
      if (kind === 'FuncCall') reason ??= this.#setReason(body as NodeOf<'FuncCall'>, undefined)
      return true
    })
    return reason
  }

  #setReason(call: NodeOf<'FuncCall'>, scope: Scope | undefined): Reason {
    const name = functionName(call)
    if (!this.#catalog.traitsOf(name).has('set')) return undefined
    const own = (scope ?? new Scope(this.#catalog, {}, undefined)).sourcesOf(call.args)
    const byArgument = AS_MANY_AS_THE_ARGUMENT.has(name) && own?.size === 0
    return byArgument ? undefined : `${name}() gives any number of rows`
  }

  #isOneRow(select: SelectBody): boolean {
    if (select.groupClause !== undefined) return false
    if (select.havingClause !== undefined) return true
    let aggregate = false
    walk(select.targetList, (kind, body) => {
      if (kind === 'SubLink') return false
      if (kind === 'JsonArrayAgg' || kind === 'JsonObjectAgg') aggregate = true
      if (kind === 'FuncCall') aggregate ||= this.#aggregates(body as NodeOf<'FuncCall'>)
      return true
    })
    return aggregate
  }

  #aggregates(call: NodeOf<'FuncCall'>): boolean {
    if (call.over !== undefined) return false
    const marked = call.agg_star ?? call.agg_within_group ?? call.agg_distinct ?? call.agg_filter
    return marked !== undefined || this.#catalog.traitsOf(functionName(call)).has('aggregate')
  }

  #from(scope: Scope): Reason {
    const unbounded = this.#unbounded(scope, scope.conditions)
    if (unbounded === undefined) return undefined
    for (const { expression, binds } of scope.conditions) {
      const either = as(expression, 'BoolExpr')
      if (either?.boolop !== 'OR_EXPR' || (either.args?.length ?? 0) > ARMS_MAX) continue
      const bounded = either.args?.every((arm) => {
        const narrowed = conjuncts(arm).map((each) => ({ expression: each, binds }))
        return this.#unbounded(scope, [...scope.conditions, ...narrowed]) === undefined
      })
      if (bounded) return undefined
    }
    return this.#describe(unbounded, scope)
  }

  /** The first relation that nothing bounds. */
  #unbounded(scope: Scope, conditions: readonly Condition[]): Relation | undefined {
    const equalities = [
      ...conditions.flatMap((condition) => this.#equalities(condition, scope)),
      ...fromUsing(scope),
    ]
    const bounded = new Set(scope.relations.filter((each) => this.#bounded(each, scope)))
    for (let before = -1; before < bounded.size; ) {
      before = bounded.size
      for (const relation of scope.relations) {
        if (isReached(relation, equalities, bounded)) bounded.add(relation)
      }
    }
    return scope.relations.find((each) => !bounded.has(each))
  }

  #bounded(relation: Relation, scope: Scope): boolean {
    return relation.origin.kind !== 'table' && this.#describe(relation, scope) === undefined
  }

  #describe(relation: Relation, scope: Scope): Reason {
    const { origin, alias } = relation
    switch (origin.kind) {
      case 'table':
        return describeTable(origin.table)
      case 'query':
        return this.query(origin.query, origin.scope)
      case 'function':
        return this.#functions(origin.call, scope)
      default:
        return `${alias === '' ? 'a part of FROM' : alias} has no unique key that is known`
    }
  }

  #functions({ functions }: NodeOf<'RangeFunction'>, scope: Scope): Reason {
    let reason: Reason
    for (const each of functions ?? []) {
      const [first] = as(each, 'List')?.items ?? []
      const call = as(first, 'FuncCall')
      if (call !== undefined) reason ??= this.#setReason(call, scope)
    }
    return reason
  }

  #equalities({ expression, binds }: Condition, scope: Scope): Equality[] {
    const compared = this.#compared(expression, scope)
    return compared.flatMap(({ target, by }) => {
      const column = as(target, 'ColumnRef')
      const resolved = column === undefined ? undefined : scope.resolve(column)
      if (resolved === undefined || by === undefined) return []
      const { relation, name } = resolved
      return binds.has(relation) && !by.has(relation) ? [{ relation, name, by }] : []
    })
  }

  #compared(expression: Node, scope: Scope): Compared[] {
    const link = as(expression, 'SubLink')
    if (link !== undefined) return this.#comparedWithQuery(link, scope)
    const operation = as(expression, 'A_Expr')
    const { lexpr, rexpr } = operation ?? {}
    if (operation === undefined || lexpr === undefined || rexpr === undefined) return []
    if (as(operation.name?.at(-1), 'String')?.sval !== '=') return []
    switch (operation.kind) {
      case 'AEXPR_OP':
        return bothWays(lexpr, rexpr, scope)
      case 'AEXPR_IN':
        return targetsOf(lexpr, scope.sourcesOf(rexpr))
      case 'AEXPR_OP_ANY':
        return isList(rexpr) ? targetsOf(lexpr, scope.sourcesOf(rexpr)) : []
      default:
        return []
    }
  }

  /** `id IN (SELECT ...)`: as many values as that query gives. */
  #comparedWithQuery(link: NodeOf<'SubLink'>, scope: Scope): Compared[] {
    const { testexpr, subselect, operName } = link
    const equal = operName === undefined || as(operName.at(-1), 'String')?.sval === '='
    if (link.subLinkType !== 'ANY_SUBLINK' || !equal) return []
    if (testexpr === undefined || subselect === undefined) return []
    if (this.query(subselect, scope) !== undefined) return []
    return targetsOf(testexpr, scope.sourcesOf(subselect))
  }
}

interface Compared {
  readonly target: Node
  readonly by: ReadonlySet<Relation> | undefined
}

/** A column that can have a bounded number of values for each row of the relations `by`. */
interface Equality {
  readonly relation: Relation
  readonly name: string
  readonly by: ReadonlySet<Relation>
}

function bothWays(left: Node, right: Node, scope: Scope): Compared[] {
  const [lefts, rights] = [as(left, 'RowExpr')?.args, as(right, 'RowExpr')?.args]
  if (lefts !== undefined && lefts.length === rights?.length) {
    return lefts.flatMap((each, at) => bothWays(each, rights[at] as Node, scope))
  }
  return [
    { target: left, by: scope.sourcesOf(right) },
    { target: right, by: scope.sourcesOf(left) },
  ]
}

function targetsOf(target: Node, by: ReadonlySet<Relation> | undefined): Compared[] {
  const row = as(target, 'RowExpr')?.args
  return (row ?? [target]).map((each) => ({ target: each, by }))
}

/** An array that is a parameter or written out, and not the content of a column. */
function isList(node: Node): boolean {
  const bare = withoutCasts(node)
  return (['ParamRef', 'A_ArrayExpr', 'A_Const'] as const).some(
    (kind) => as(bare, kind) !== undefined,
  )
}

function fromUsing(scope: Scope): Equality[] {
  return scope.pairs.flatMap(({ columns: [one, other], binds }) =>
    [
      { ...one, by: new Set([other.relation]) },
      { ...other, by: new Set([one.relation]) },
    ].filter(({ relation }) => binds.has(relation)),
  )
}

function isReached(
  relation: Relation,
  equalities: readonly Equality[],
  bounded: ReadonlySet<Relation>,
): boolean {
  if (relation.origin.kind !== 'table') return bounded.has(relation)
  const { table } = relation.origin
  const usable = equalities.filter(
    (each) => each.relation === relation && each.by.isSubsetOf(bounded),
  )
  const reached = new Set(usable.map(({ name }) => name))
  return keysOf(table).some((key) => key.every((column) => reached.has(column)))
}

/** Row level security compares the tenant's column for everybody. */
function keysOf(table: CatalogTable): string[][] {
  return table.uniqueKeys.map((key) => key.filter((column) => column !== table.tenantColumn))
}

function describeTable(table: CatalogTable): string {
  const keys = keysOf(table).map((key) => `(${key.join(', ')})`)
  const known = keys.length === 0 ? 'it has none' : `it has ${keys.join(' and ')}`
  return `no unique key picks the rows of ${table.name}: ${known}`
}

function withOf(body: { readonly withClause?: SelectBody['withClause'] }): SelectBody {
  return body.withClause === undefined ? {} : { withClause: body.withClause }
}
