/**
 * What a statement touches, read from Postgres's own grammar and the catalog before it is sent.
 *
 * Foreign keys and views are followed. Whatever the text does not show (functions of the user,
 * triggers, rules, policies, catalogs) makes the statement opaque: it commutes with nothing.
 */
import type pg from 'pg'
import {
  loadScriptParser,
  type Node,
  type ScriptParser,
} from '../../database/guard/query-parser.ts'
import { isWrite, type Mode } from './footprint.ts'
import {
  type ReferenceRow,
  readDatabase,
  readFunctions,
  readReferences,
  readTables,
  readViews,
  type TableRow,
} from './store.ts'
import { fieldOf, nodesOf, type Tree } from './tree.ts'

export type StatementKind =
  | 'begin'
  | 'commit'
  | 'rollback'
  /** SAVEPOINT, RELEASE, SET, SHOW: of the session or transaction alone. */
  | 'local'
  | 'rollback-to'
  | 'isolation'
  | 'data'
  | 'opaque'

/** An access whose row is named by a parameter or a constant. */
export interface StatementAccess {
  readonly table: string
  readonly mode: Mode
  /** The row is changed, not only locked. */
  readonly writes: boolean
  readonly key: RowKey | undefined
}

/** The value of the primary key, as it stands in the text. */
export interface RowKey {
  readonly type: string
  readonly parameter?: number
  readonly constant?: string
}

export interface StatementFacts {
  readonly kind: StatementKind
  readonly accesses: readonly StatementAccess[]
  /** SKIP LOCKED, NOWAIT, advisory locks that are tried. */
  readonly probes: boolean
  /** Takes or gives back an advisory lock. */
  readonly advisory: boolean
  /** Draws from a sequence by name. */
  readonly draws: boolean
  /** Of BEGIN and SET TRANSACTION. */
  readonly isolation: string | undefined
  /** It changes the session beyond its transaction. */
  readonly session: boolean
}

const OPAQUE: StatementFacts = {
  kind: 'opaque',
  accesses: [],
  probes: false,
  advisory: false,
  draws: false,
  isolation: undefined,
  session: true,
}

/** Functions of the server whose answer depends on what others do at this moment. */
const OPAQUE_FUNCTION =
  /^(?:pg_(?!advisory|try_advisory|sleep|typeof|get_serial)|txid_|lo_|dblink|query_to_xml|table_to_xml|cursor_to_xml|setval|current_query)/
const ADVISORY = /^pg_(?:try_)?advisory/

export class Statements {
  readonly #parse: ScriptParser | undefined
  readonly #tables: readonly TableRow[]
  readonly #references: readonly ReferenceRow[]
  readonly #bases: ReadonlyMap<number, readonly TableRow[]>
  readonly #functions: ReadonlySet<string>
  readonly #hidden: boolean
  readonly #known = new Map<string, StatementFacts>()
  /** Texts that were seen to lock what their text does not show. */
  readonly #learned = new Set<string>()
  /** Sequences of texts in one transaction whose locks are known to be what the texts say. */
  readonly verified = new Set<string>()
  /** COMMIT checks what was deferred. */
  readonly defers: boolean

  private constructor(made: Made) {
    this.#parse = made.parse
    this.#tables = made.tables
    this.#references = made.references
    this.#bases = made.bases
    this.#functions = made.functions
    this.#hidden = made.hidden
    this.defers = made.defers
  }

  static async read(client: pg.Client): Promise<Statements> {
    const tables = await readTables(client)
    const { defers, hidden } = await readDatabase(client)
    return new Statements({
      parse: await loadScriptParser().catch(() => undefined),
      tables,
      references: await readReferences(client),
      bases: basesOf(tables, await readViews(client)),
      functions: new Set(await readFunctions(client)),
      defers,
      hidden,
    })
  }

  /** False: the grammar is not installed, and nothing commutes. */
  get reads(): boolean {
    return this.#parse !== undefined
  }

  /** From now on the text commutes with nothing; false where it did not before. */
  distrust(text: string): boolean {
    const isNew = !this.#learned.has(text)
    this.#learned.add(text)
    this.#known.delete(text)
    return isNew
  }

  facts(text: string): StatementFacts {
    let facts = this.#known.get(text)
    if (facts === undefined) {
      facts = this.#read(text)
      this.#known.set(text, facts)
    }
    return facts
  }

  isOpaque(text: string): boolean {
    return this.facts(text).kind === 'opaque'
  }

  tablesOf(text: string): string[] {
    return this.facts(text).accesses.map(({ table }) => table)
  }

  #read(text: string): StatementFacts {
    const nodes = this.#parse?.(text)
    const [node] = nodes ?? []
    if (node === undefined || nodes?.length !== 1 || this.#learned.has(text)) return OPAQUE
    return this.#control(node) ?? this.#data(node)
  }

  #control(node: Node): StatementFacts | undefined {
    const local = (kind: StatementKind, more: Partial<StatementFacts> = {}): StatementFacts => ({
      ...OPAQUE,
      session: false,
      kind,
      ...more,
    })
    const transaction = fieldOf(node, 'TransactionStmt')
    if (transaction !== undefined) {
      const isolation = isolationIn(transaction)
      const kind = TRANSACTION_KINDS[String(transaction.kind)]
      if (kind === undefined || transaction.chain === true) return OPAQUE
      return local(kind, { isolation })
    }
    const set = fieldOf(node, 'VariableSetStmt')
    if (set === undefined) return fieldOf(node, 'VariableShowStmt') && local('local')
    const name = String(set.name).toLowerCase()
    if (name === 'transaction') return local('isolation', { isolation: isolationIn(set) })
    // Timeouts make the end of a wait a matter of time, and these change what statements mean.
    if (
      /isolation|timeout|characteristics|search_path|role|authorization|snapshot|read_only/.test(
        name,
      )
    )
      return HARMLESS.has(name) ? local('local', { session: set.is_local !== true }) : OPAQUE
    return local('local', { session: set.is_local !== true })
  }

  #data(node: Node): StatementFacts {
    const [verb] = Object.keys(node)
    if (verb === undefined || !DATA.has(verb) || this.#hidden) return OPAQUE
    const tree = node as unknown as Tree
    const functions = nodesOf(tree, 'FuncCall').map(functionName)
    if (functions.some((name) => OPAQUE_FUNCTION.test(name) || this.#functions.has(name)))
      return OPAQUE
    const accesses = this.#accesses(tree)
    if (accesses === undefined) return OPAQUE
    const locking = nodesOf(tree, 'LockingClause')
    return {
      kind: 'data',
      accesses,
      probes: locking.some(({ waitPolicy }) => waitPolicy !== 'LockWaitBlock'),
      advisory: functions.some((name) => ADVISORY.test(name)),
      draws: functions.includes('nextval'),
      isolation: undefined,
      session: functions.some((name) => name === 'set_config' || ADVISORY.test(name)),
    }
  }

  #accesses(tree: Tree): StatementAccess[] | undefined {
    const ctes = new Set(nodesOf(tree, 'CommonTableExpr').map(({ ctename }) => String(ctename)))
    // What reads the table behind a name that is given twice is not told apart.
    if (this.#tables.some(({ name }) => ctes.has(name))) return undefined
    const accesses: StatementAccess[] = []
    const ranges = rangesOf(tree).filter(
      ({ relname, schemaname }) => schemaname !== undefined || !ctes.has(String(relname)),
    )
    for (const range of ranges) {
      const tables = this.#find(range)
      if (tables === undefined) return undefined
      const key = ranges.length === 1 && tables.length === 1 ? keyOf(tree, tables[0]) : undefined
      for (const table of tables) {
        if (table.opaque) return undefined
        accesses.push({ table: tableName(table), mode: readMode(tree), writes: false, key })
      }
    }
    for (const write of writesOf(tree)) {
      const tables = this.#find(write.relation)
      if (tables?.length !== 1 || tables[0]?.view || tables[0]?.opaque) return undefined
      if (tables[0]?.sharesSequence) return undefined
      const keyed = ranges.length === 1 ? keyOf(tree, tables[0]) : undefined
      const written = this.#write(tables[0] as TableRow, write, keyed)
      if (written === undefined) return undefined
      accesses.push(...written)
    }
    return accesses
  }

  /** The tables behind a name; several where the search path decides. */
  #find({ relname, schemaname }: Tree): readonly TableRow[] | undefined {
    const named = this.#tables.filter(
      ({ schema, name }) => name === relname && (schemaname === undefined || schema === schemaname),
    )
    const found = named.flatMap((table) =>
      table.view ? (this.#bases.get(table.oid) ?? []) : [table],
    )
    return found.length === 0 ? undefined : found
  }

  /** What a write touches besides its rows; undefined where code that this cannot read may run. */
  #write(
    table: TableRow,
    write: Write,
    key: StatementAccess['key'],
  ): StatementAccess[] | undefined {
    const accesses: StatementAccess[] = []
    const add = (mode: Mode, row: StatementAccess['key']) =>
      accesses.push({ table: tableName(table), mode, writes: isWrite(mode), key: row })
    const { inserts, updates, deletes } = write
    if (inserts) add('insert', undefined)
    if (deletes) add('update', key)
    if (updates !== undefined) {
      const movesKey = updates.some((column) => table.unique.includes(column))
      add(movesKey ? 'update' : 'nokey', movesKey ? undefined : key)
    }
    for (const follows of this.#follow(table, write, new Set())) {
      if (follows.table.opaque && isWrite(follows.mode)) return undefined
      const { mode } = follows
      accesses.push({
        table: tableName(follows.table),
        mode,
        writes: isWrite(mode),
        key: undefined,
      })
    }
    return accesses
  }

  /** Along foreign keys: parents are looked at, children too, and changed where they are to follow. */
  #follow(table: TableRow, write: Write, seen: ReadonlySet<TableRow>): Followed[] {
    const { inserts, updates, deletes } = write
    const touched = (columns: readonly string[]) =>
      updates?.some((column) => columns.includes(column)) === true
    return this.#references.flatMap(({ child, parent, childColumns, parentColumns, cascades }) => {
      const up = this.#tables.find(({ oid }) => oid === parent)
      const down = this.#tables.find(({ oid }) => oid === child)
      const found: Followed[] = []
      if (child === table.oid && up !== undefined && (inserts || touched(childColumns)))
        found.push({ table: up, mode: 'read' }, { table: up, mode: 'keyshare' })
      if (parent !== table.oid || down === undefined || !(deletes || touched(parentColumns)))
        return found
      found.push(
        { table: down, mode: 'read' },
        { table: down, mode: cascades ? 'update' : 'keyshare' },
      )
      if (!cascades || seen.has(down)) return found
      return [
        ...found,
        ...this.#follow(down, { ...write, deletes: true }, new Set([...seen, down])),
      ]
    })
  }
}

interface Followed {
  readonly table: TableRow
  readonly mode: Mode
}

interface Made {
  readonly parse: ScriptParser | undefined
  readonly tables: readonly TableRow[]
  readonly references: readonly ReferenceRow[]
  readonly bases: ReadonlyMap<number, readonly TableRow[]>
  readonly functions: ReadonlySet<string>
  readonly defers: boolean
  readonly hidden: boolean
}

const TRANSACTION_KINDS: Readonly<Record<string, StatementKind>> = {
  TRANS_STMT_BEGIN: 'begin',
  TRANS_STMT_START: 'begin',
  TRANS_STMT_COMMIT: 'commit',
  TRANS_STMT_ROLLBACK: 'rollback',
  TRANS_STMT_SAVEPOINT: 'local',
  TRANS_STMT_RELEASE: 'local',
  TRANS_STMT_ROLLBACK_TO: 'rollback-to',
}

const DATA = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'])
/** A statement here never runs so long, and no transaction lies idle by the clock of the server. */
const HARMLESS = new Set([
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
])

function basesOf(
  tables: readonly TableRow[],
  views: readonly { view: number; base: number }[],
): Map<number, TableRow[]> {
  const behind = (oid: number, seen: ReadonlySet<number>): TableRow[] =>
    views
      .filter(({ view, base }) => view === oid && !seen.has(base))
      .flatMap(({ base }) => {
        const table = tables.find((found) => found.oid === base)
        return table?.view === false ? [table] : behind(base, new Set([...seen, base]))
      })
  return new Map(tables.filter(({ view }) => view).map(({ oid }) => [oid, behind(oid, new Set())]))
}

function tableName({ schema, name }: TableRow): string {
  return `${schema}.${name}`
}

function functionName(call: Tree): string {
  const parts = call.funcname as readonly Tree[]
  return String(fieldOf(parts.at(-1), 'String')?.sval).toLowerCase()
}

function isolationIn(statement: Tree): string | undefined {
  const option = nodesOf(statement, 'DefElem').find(
    ({ defname }) => defname === 'transaction_isolation',
  )
  if (option === undefined) return undefined
  return nodesOf(option, 'A_Const')
    .map((constant) => String(fieldOf(constant, 'sval')?.sval))
    .at(0)
}

interface Write {
  readonly relation: Tree
  readonly inserts: boolean
  readonly deletes: boolean
  /** Columns; undefined where it updates nothing. */
  readonly updates: readonly string[] | undefined
}

function columnsOf(targets: unknown): string[] {
  return nodesOf(targets as Tree, 'ResTarget').map(({ name }) => String(name))
}

function writesOf(tree: Tree): Write[] {
  const inserts = nodesOf(tree, 'InsertStmt').map((statement) => {
    const conflict = statement.onConflictClause as Tree | undefined
    const updates =
      conflict?.action === 'ONCONFLICT_UPDATE' ? columnsOf(conflict.targetList) : undefined
    return { relation: statement.relation as Tree, inserts: true, deletes: false, updates }
  })
  const updates = nodesOf(tree, 'UpdateStmt').map(({ relation, targetList }) => ({
    relation: relation as Tree,
    inserts: false,
    deletes: false,
    updates: columnsOf(targetList),
  }))
  const deletes = nodesOf(tree, 'DeleteStmt').map(({ relation }) => ({
    relation: relation as Tree,
    inserts: false,
    deletes: true,
    updates: undefined,
  }))
  const merges = nodesOf(tree, 'MergeStmt').map(({ relation, mergeWhenClauses }) => ({
    relation: relation as Tree,
    inserts: true,
    deletes: true,
    updates: columnsOf(mergeWhenClauses),
  }))
  return [...inserts, ...updates, ...deletes, ...merges]
}

/** Everything that is read from: what stands in FROM, and what is updated or deleted from. */
function rangesOf(tree: Tree): Tree[] {
  const searched = writesOf(tree).filter(({ inserts, deletes }) => !inserts || deletes)
  return [...nodesOf(tree, 'RangeVar'), ...searched.map(({ relation }) => relation)]
}

/** FOR UPDATE and its like lock what the statement reads. */
function readMode(tree: Tree): Mode {
  const strengths = nodesOf(tree, 'LockingClause').map(({ strength }) => String(strength))
  if (strengths.includes('LCS_FORUPDATE')) return 'update'
  if (strengths.includes('LCS_FORNOKEYUPDATE')) return 'nokey'
  if (strengths.includes('LCS_FORSHARE')) return 'share'
  return strengths.includes('LCS_FORKEYSHARE') ? 'keyshare' : 'read'
}

/** Types whose texts are equal exactly where their values are. */
const KEY_TYPES = new Set(['integer', 'bigint', 'smallint', 'uuid', 'text', 'character varying'])

/** The one row that a statement over one table looks at: `WHERE id = $1 AND ...`. */
function keyOf(tree: Tree, table: TableRow | undefined): StatementAccess['key'] {
  if (table?.key == null || !KEY_TYPES.has(table.keyType ?? '')) return undefined
  const statement = Object.values(tree)[0] as Tree
  if (statement.op !== undefined && statement.op !== 'SETOP_NONE') return undefined
  if (nodesOf(tree, 'SubLink').length > 0 || nodesOf(tree, 'SelectStmt').length > selects(tree))
    return undefined
  for (const condition of conjuncts(statement.whereClause as Tree | undefined)) {
    const key = equalityWith(condition, table.key)
    if (key !== undefined) return { ...key, type: table.keyType ?? '' }
  }
  return undefined
}

function selects(tree: Tree): number {
  return 'SelectStmt' in tree ? 1 : 0
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

function constantOf(side: Tree): Omit<RowKey, 'type'> | undefined {
  const parameter = fieldOf(side, 'ParamRef')?.number
  if (typeof parameter === 'number') return { parameter }
  const constant = fieldOf(side, 'A_Const')
  const integer = fieldOf(constant, 'ival')
  // A zero has no field of its own.
  const text = fieldOf(constant, 'sval')?.sval ?? (integer && (integer.ival ?? 0))
  return text === undefined ? undefined : { constant: String(text) }
}
