/**
 * The names of one SELECT: which relations its FROM brings, under which conditions they are joined,
 * and which of them a column belongs to.
 *
 * Terms. A condition *binds* the relations whose rows it can keep out of the result: WHERE and an
 * inner join's ON all of theirs, an outer join's ON its nullable side alone.
 */
import type { Catalog, CatalogTable } from '../catalog.ts'
import { as, conjuncts, functionName, type NodeOf, names, walk } from './ast.ts'
import type { Node } from './query-parser.ts'

export type Origin =
  | { readonly kind: 'table'; readonly table: CatalogTable }
  /** A query in parentheses or in a WITH list; `scope` is what it sees around it. */
  | { readonly kind: 'query'; readonly query: Node; readonly scope: Scope | undefined }
  | { readonly kind: 'function'; readonly call: NodeOf<'RangeFunction'> }
  /** What we know nothing of. */
  | { readonly kind: 'opaque' }

export interface Relation {
  readonly alias: string
  readonly origin: Origin
  /** Undefined where they are not known. */
  readonly columns: ReadonlySet<string> | undefined
}

export interface Column {
  readonly relation: Relation
  readonly name: string
}

export interface Condition {
  readonly expression: Node
  readonly binds: ReadonlySet<Relation>
}

/** Two columns that USING holds equal. */
export interface UsedPair {
  readonly columns: readonly [Column, Column]
  readonly binds: ReadonlySet<Relation>
}

const OPAQUE: Origin = { kind: 'opaque' }

export class Scope {
  readonly relations: Relation[] = []
  readonly conditions: Condition[] = []
  readonly pairs: UsedPair[] = []
  readonly #catalog: Catalog
  readonly #outer: Scope | undefined
  readonly #withQueries = new Map<string, Origin>()
  /** A column that USING has merged, and whose it is. */
  readonly #merged = new Map<string, Relation | undefined>()

  constructor(catalog: Catalog, select: SelectBody, outer: Scope | undefined) {
    this.#catalog = catalog
    this.#outer = outer
    this.#addWithList(select.withClause)
    for (const each of select.fromClause ?? []) this.#add(each)
    for (const expression of conjuncts(select.whereClause)) {
      this.conditions.push({ expression, binds: new Set(this.relations) })
    }
  }

  #addWithList(list: SelectBody['withClause']): void {
    const queries = (list?.ctes ?? []).flatMap((node) => as(node, 'CommonTableExpr') ?? [])
    // In a recursive list each query sees all of them, the later ones and itself too.
    if (list?.recursive)
      for (const { ctename = '' } of queries) this.#withQueries.set(ctename, OPAQUE)
    for (const { ctename, ctequery } of queries) {
      if (ctename === undefined || ctequery === undefined) continue
      const scope = this.#around()
      const recursive = list?.recursive === true && mentions(ctequery, ctename)
      const known = { kind: 'query', query: ctequery, scope } as const
      this.#withQueries.set(ctename, recursive ? OPAQUE : known)
    }
  }

  #withQuery(name: string): Origin | undefined {
    const own = this.#withQueries.get(name)
    if (own !== undefined || this.#outer === undefined) return own
    return this.#outer.#withQuery(name)
  }

  /** Adds what one item of FROM brings, and returns it. */
  #add(node: Node): readonly Relation[] {
    const join = as(node, 'JoinExpr')
    if (join !== undefined) return this.#addJoin(join)
    const relation = this.#relation(node)
    this.relations.push(relation)
    return [relation]
  }

  #relation(node: Node): Relation {
    const table = as(node, 'RangeVar')
    if (table !== undefined) return this.#named(table)
    const query = as(node, 'RangeSubselect')
    if (query?.subquery !== undefined) return this.#derived(query, query.subquery)
    const call = as(node, 'RangeFunction')
    if (call !== undefined) return fromFunction(call)
    return { alias: '', origin: OPAQUE, columns: undefined }
  }

  #named(node: NodeOf<'RangeVar'>): Relation {
    const name = node.relname ?? ''
    const alias = node.alias?.aliasname ?? name
    const renamed = node.alias?.colnames !== undefined
    const known = node.schemaname === undefined ? this.#withQuery(name) : undefined
    if (known !== undefined) return { alias, origin: known, columns: undefined }
    const table = this.#catalog.table(node.schemaname, name)
    if (table === undefined || renamed) return { alias, origin: OPAQUE, columns: undefined }
    return { alias, origin: { kind: 'table', table }, columns: new Set(table.columns.keys()) }
  }

  #derived(node: NodeOf<'RangeSubselect'>, query: Node): Relation {
    const scope = this.#seenBy(node)
    const columns = node.alias?.colnames
    return {
      alias: node.alias?.aliasname ?? '',
      origin: { kind: 'query', query, scope },
      columns: columns === undefined ? undefined : new Set(names(columns)),
    }
  }

  #seenBy(query: NodeOf<'RangeSubselect'>): Scope {
    return query.lateral === true ? this : this.#around()
  }

  /** What a query in FROM sees: our WITH list, and what is around us, but not our relations. */
  #around(): Scope {
    const around = new Scope(this.#catalog, {}, this.#outer)
    for (const [name, query] of this.#withQueries) around.#withQueries.set(name, query)
    return around
  }

  #addJoin(join: NodeOf<'JoinExpr'>): readonly Relation[] {
    const left = join.larg === undefined ? [] : this.#add(join.larg)
    const right = join.rarg === undefined ? [] : this.#add(join.rarg)
    const binds = new Set(boundBy(join.jointype, left, right))
    for (const expression of conjuncts(join.quals)) this.conditions.push({ expression, binds })
    for (const name of names(join.usingClause)) this.#addUsed(name, join, left, right, binds)
    return [...left, ...right]
  }

  #addUsed(
    name: string,
    join: NodeOf<'JoinExpr'>,
    left: readonly Relation[],
    right: readonly Relation[],
    binds: ReadonlySet<Relation>,
  ): void {
    const [one, other] = [this.#ownerAmong(name, left), this.#ownerAmong(name, right)]
    const kept = { JOIN_INNER: one, JOIN_LEFT: one, JOIN_RIGHT: other } as Record<
      string,
      Relation | undefined
    >
    this.#merged.set(name, kept[join.jointype ?? ''])
    if (one === undefined || other === undefined) return
    this.pairs.push({
      columns: [
        { relation: one, name },
        { relation: other, name },
      ],
      binds,
    })
  }

  #ownerAmong(name: string, relations: readonly Relation[]): Relation | undefined {
    const merged = this.#merged.get(name)
    if (merged !== undefined && relations.includes(merged)) return merged
    const owners = relations.filter(({ columns }) => columns?.has(name))
    return owners.length === 1 ? owners[0] : undefined
  }

  /** Whose column this is; undefined where we cannot tell. */
  resolve(reference: NodeOf<'ColumnRef'>): Column | undefined {
    const parts = names(reference.fields)
    const name = parts.at(-1)
    if (name === undefined || name === '') return undefined
    const relation = parts.length > 1 ? this.#byAlias(parts.at(-2) as string) : this.#byColumn(name)
    return relation === undefined ? undefined : { relation, name }
  }

  #byAlias(alias: string): Relation | undefined {
    const found = this.relations.filter((each) => each.alias === alias)
    if (found.length > 1) return undefined
    if (found[0] !== undefined || this.#outer === undefined) return found[0]
    return this.#outer.#byAlias(alias)
  }

  /** Where two relations of one query have the column, the server refuses the statement. */
  #byColumn(name: string): Relation | undefined {
    if (this.#merged.has(name)) return this.#merged.get(name)
    const owners = this.relations.filter(({ columns }) => columns?.has(name))
    if (owners.length > 0) return owners.length === 1 ? owners[0] : undefined
    const unknown = this.relations.filter(({ columns }) => columns === undefined)
    if (unknown.length === 1 && this.#isOutermost()) return unknown[0]
    if (unknown.length > 0 || this.#outer === undefined) return undefined
    return this.#outer.#byColumn(name)
  }

  /** No relation around us could have the column instead. */
  #isOutermost(): boolean {
    if (this.#outer === undefined) return true
    return this.#outer.relations.length === 0 && this.#outer.#isOutermost()
  }

  /**
   * The relations of this scope that the value of an expression depends on. Undefined where it
   * could differ between two looks (a volatile function) or where a name cannot be placed.
   */
  sourcesOf(expression: unknown): ReadonlySet<Relation> | undefined {
    const sources = new Set<Relation>()
    if (!this.#collect(expression, sources)) return undefined
    const own = new Set(this.relations)
    return new Set([...sources].filter((source) => own.has(source)))
  }

  #collect(expression: unknown, into: Set<Relation>): boolean {
    let known = true
    walk(expression, (kind, body) => {
      if (kind === 'ColumnRef') known &&= this.#collectColumn(body as NodeOf<'ColumnRef'>, into)
      if (kind === 'FuncCall') known &&= this.#isValue(body as NodeOf<'FuncCall'>)
      const sees = kind === 'RangeSubselect' ? this.#seenBy(body as NodeOf<'RangeSubselect'>) : this
      if (sees !== this) known &&= sees.#collect(body, into)
      if (kind === 'SelectStmt') known &&= this.#collectSelect(body as SelectBody, into)
      return sees === this && kind !== 'SelectStmt'
    })
    return known
  }

  #collectColumn(reference: NodeOf<'ColumnRef'>, into: Set<Relation>): boolean {
    const column = this.resolve(reference)
    if (column !== undefined) into.add(column.relation)
    return column !== undefined
  }

  /** Stars name no value. Set operations and WITH lists have scopes of their own: left undecided. */
  #collectSelect(select: SelectBody, into: Set<Relation>): boolean {
    if (select.withClause !== undefined || select.larg !== undefined) return false
    const { targetList, ...rest } = select
    const targets = (targetList ?? []).filter((node) => !isStar(node))
    return new Scope(this.#catalog, select, this).#collect([targets, rest], into)
  }

  #isValue(call: NodeOf<'FuncCall'>): boolean {
    return !this.#catalog.traitsOf(functionName(call)).has('volatile')
  }
}

export type SelectBody = NodeOf<'SelectStmt'>

function fromFunction(call: NodeOf<'RangeFunction'>): Relation {
  const [first] = as(call.functions?.[0], 'List')?.items ?? []
  const called = as(first, 'FuncCall')
  const alias = call.alias?.aliasname ?? (called === undefined ? '' : functionName(called))
  const declared = call.coldeflist?.map((node) => as(node, 'ColumnDef')?.colname ?? '')
  const named = declared ?? (call.alias?.colnames && names(call.alias.colnames))
  const columns = named === undefined ? undefined : new Set(named)
  return { alias, origin: { kind: 'function', call }, columns }
}

function boundBy(
  type: NodeOf<'JoinExpr'>['jointype'],
  left: readonly Relation[],
  right: readonly Relation[],
): readonly Relation[] {
  switch (type) {
    case 'JOIN_INNER':
      return [...left, ...right]
    case 'JOIN_LEFT':
      return right
    case 'JOIN_RIGHT':
      return left
    default:
      return []
  }
}

function mentions(query: Node, name: string): boolean {
  let found = false
  walk(query, (kind, body) => {
    if (kind === 'RangeVar' && (body as NodeOf<'RangeVar'>).relname === name) found = true
    return !found
  })
  return found
}

function isStar(node: Node): boolean {
  const fields = as(as(node, 'ResTarget')?.val, 'ColumnRef')?.fields
  return as(fields?.at(-1), 'A_Star') !== undefined
}
