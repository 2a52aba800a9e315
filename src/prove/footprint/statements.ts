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
import { type InsertedRows, insertedRows } from './inserted-rows.ts'
import { isOwnText } from './own-texts.ts'
import { plainFunctions } from './plain-functions.ts'
import { keyOf, type RowKey } from './row-key.ts'
import { takesRowsAsTheyLie } from './row-order.ts'
import {
  type FunctionRow,
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
  /** Of an INSERT, where its text tells: what stands in the unique indexes of the new rows. */
  readonly rows?: InsertedRows | undefined
}

export interface StatementFacts {
  readonly kind: StatementKind
  readonly accesses: readonly StatementAccess[]
  /** SKIP LOCKED, NOWAIT, advisory locks that are tried. */
  readonly probes: boolean
  /** Takes or gives back an advisory lock. */
  readonly advisory: boolean
  /** Draws from a sequence: by name, or where an update sets a default. */
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

const NO_ACCESS: StatementFacts = { ...OPAQUE, kind: 'data', session: false }

/** Functions of the server whose answer depends on what others do at this moment. */
const OPAQUE_FUNCTION =
  /^(?:pg_(?!advisory|try_advisory|sleep|typeof|get_serial)|txid_|lo_|dblink|(?:query|table|cursor|schema|database)_to_xml|ts_stat|ts_rewrite|setval|current_query)/
const ADVISORY = /^pg_(?:try_)?advisory/

export class Statements {
  readonly #parse: ScriptParser | undefined
  readonly #tables: readonly TableRow[]
  readonly #references: readonly ReferenceRow[]
  readonly #bases: ReadonlyMap<number, readonly TableRow[]>
  readonly #functions: ReadonlySet<string>
  /** Functions that are called as if they were columns: `r.worth`. */
  readonly #columns: ReadonlySet<string>
  readonly #hidden: boolean
  readonly #known = new Map<string, StatementFacts>()
  /** Texts that were seen to lock what their text does not show. */
  readonly #learned = new Set<string>()
  /** Tables whose rows some text takes as they lie. */
  readonly #asTheyLie = new Set<string>()
  #hasNews = false
  /** Sequences of texts in one transaction whose locks are known to be what the texts say. */
  readonly verified = new Set<string>()
  /** COMMIT checks what was deferred. */
  readonly defers: boolean

  private constructor(made: Made) {
    this.#parse = made.parse
    this.#tables = made.tables
    this.#references = made.references
    this.#bases = made.bases
    this.#functions = new Set(made.functions.map(({ name }) => name))
    this.#columns = new Set(made.functions.filter(({ ofRow }) => ofRow).map(({ name }) => name))
    this.#hidden = made.hidden
    this.defers = made.defers
  }

  static async read(client: pg.Client): Promise<Statements> {
    const tables = await readTables(client)
    const functions = await readFunctions(client)
    const plain = plainFunctions(functions)
    const { defers, hidden } = await readDatabase(client, [...plain])
    return new Statements({
      parse: await loadScriptParser().catch(() => undefined),
      tables,
      references: await readReferences(client),
      bases: basesOf(tables, await readViews(client)),
      functions: functions.filter(({ oid }) => !plain.has(oid)),
      defers,
      hidden,
    })
  }

  /** False: the grammar is not installed, and nothing commutes. */
  get reads(): boolean {
    return this.#parse !== undefined
  }

  /**
   * From now on these texts commute with nothing. True where anything is another footprint
   * than it was: what has been left out by then may have mattered.
   */
  learn(distrusted: readonly string[]): boolean {
    for (const text of distrusted) {
      if (this.#learned.has(text)) continue
      this.#learned.add(text)
      this.#known.delete(text)
      this.#hasNews = true
    }
    const hadNews = this.#hasNews
    this.#hasNews = false
    return hadNews
  }

  /** Some statement takes its rows as they lie: whoever writes comes before or after every other. */
  isTakenAsItLies(table: string): boolean {
    return this.#asTheyLie.has(table)
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
    if (isOwnText(text)) return NO_ACCESS
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
    return isHarmless(name) ? local('local', { session: set.is_local !== true }) : OPAQUE
  }

  #data(node: Node): StatementFacts {
    const [verb] = Object.keys(node)
    if (verb === undefined || !DATA.has(verb) || this.#hidden) return OPAQUE
    const tree = node as unknown as Tree
    const functions = nodesOf(tree, 'FuncCall').map(functionName)
    if (functions.some((name) => OPAQUE_FUNCTION.test(name) || this.#functions.has(name)))
      return OPAQUE
    if (nodesOf(tree, 'ColumnRef').some((column) => this.#columns.has(lastName(column.fields))))
      return OPAQUE
    if (nodesOf(tree, 'FuncCall').some(setsWhatStatementsMean)) return OPAQUE
    const accesses = this.#accesses(tree)
    if (accesses === undefined) return OPAQUE
    this.#noteOrder(tree, accesses)
    const locking = nodesOf(tree, 'LockingClause')
    return {
      kind: 'data',
      accesses,
      probes: locking.some(({ waitPolicy }) => waitPolicy !== 'LockWaitBlock'),
      advisory: functions.some((name) => ADVISORY.test(name)),
      draws: functions.includes('nextval') || nodesOf(tree, 'SetToDefault').length > 0,
      isolation: undefined,
      session: setsSession(tree) || functions.some((name) => ADVISORY.test(name)),
    }
  }

  #noteOrder(tree: Tree, accesses: readonly StatementAccess[]): void {
    const tables = rangesOf(tree).map((range) => this.#named(range))
    if (!takesRowsAsTheyLie(tree, tables)) return
    for (const { table } of accesses) {
      this.#hasNews ||= !this.#asTheyLie.has(table)
      this.#asTheyLie.add(table)
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
      const key = ranges.length === 1 ? keyOf(tree, this.#named(range)) : undefined
      for (const table of tables) {
        if (table.opaque) return undefined
        accesses.push({ table: tableName(table), mode: readMode(tree), writes: false, key })
      }
    }
    for (const write of writesOf(tree)) {
      const [table, ...others] = this.#named(write.relation)
      // Behind a view the columns may have other names, or a trigger writes elsewhere.
      if (table === undefined || others.length > 0 || table.view || table.opaque) return undefined
      if (table.sharesSequence) return undefined
      const keyed = ranges.length === 1 ? keyOf(tree, [table]) : undefined
      const written = this.#write(table, write, keyed)
      if (written === undefined) return undefined
      accesses.push(...written)
    }
    return accesses
  }

  /** Several where the search path decides. */
  #named({ relname, schemaname }: Tree): readonly TableRow[] {
    return this.#tables.filter(
      ({ schema, name }) => name === relname && (schemaname === undefined || schema === schemaname),
    )
  }

  /** The tables behind a name. */
  #find(range: Tree): readonly TableRow[] | undefined {
    const found = this.#named(range).flatMap((table) =>
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
    if (inserts) accesses.push(inserted(table, write))
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
  readonly functions: readonly FunctionRow[]
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

/** Timeouts make the end of a wait a matter of time, and the others change what statements mean. */
function isHarmless(setting: string): boolean {
  const matters =
    /isolation|timeout|characteristics|search_path|role|authorization|snapshot|read_only/
  return HARMLESS.has(setting) || !matters.test(setting)
}

/** `set_config` with the name of such a setting, or with one that does not stand in the text. */
function setsWhatStatementsMean(call: Tree): boolean {
  if (functionName(call) !== 'set_config') return false
  const [name] = (call.args ?? []) as readonly Tree[]
  const text = fieldOf(fieldOf(name, 'A_Const'), 'sval')?.sval
  return text === undefined || !isHarmless(String(text).toLowerCase())
}

function functionName(call: Tree): string {
  return lastName(call.funcname)
}

function lastName(parts: unknown): string {
  return String(fieldOf((parts as readonly Tree[]).at(-1), 'String')?.sval).toLowerCase()
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
  /** An INSERT. */
  readonly insert?: Tree
}

function inserted(table: TableRow, { insert }: Write): StatementAccess {
  const rows = insertedRows(insert, table)
  return { table: tableName(table), mode: 'insert', writes: true, key: undefined, rows }
}

/** `set_config(..., true)` is over with the transaction. */
function setsSession(tree: Tree): boolean {
  return nodesOf(tree, 'FuncCall').some((call) => {
    if (functionName(call) !== 'set_config') return false
    const local = fieldOf((call.args as readonly Tree[])[2], 'A_Const')
    return fieldOf(local, 'boolval')?.boolval !== true
  })
}

function columnsOf(targets: unknown): string[] {
  return nodesOf(targets as Tree, 'ResTarget').map(({ name }) => String(name))
}

function writesOf(tree: Tree): Write[] {
  const inserts = nodesOf(tree, 'InsertStmt').map((statement) => {
    const conflict = statement.onConflictClause as Tree | undefined
    const updates =
      conflict?.action === 'ONCONFLICT_UPDATE' ? columnsOf(conflict.targetList) : undefined
    const relation = statement.relation as Tree
    return { relation, inserts: true, deletes: false, updates, insert: statement }
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
