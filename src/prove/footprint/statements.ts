/**
 * What a statement touches, read from Postgres's own grammar and the catalog before it is sent.
 *
 * Foreign keys and views are followed. Whatever the text does not show (functions of the user,
 * triggers, rules, policies, catalogs) makes the statement opaque: it commutes with nothing.
 */
import type pg from 'pg'
import { expectedWrite } from '../../database/expect-rows.ts'
import {
  loadScriptParser,
  type Node,
  type ScriptParser,
} from '../../database/guard/query-parser.ts'
import { controlFacts, restarts, setsSession, setsWhatStatementsMean } from './control.ts'
import { NO_ACCESS, OPAQUE, RESTARTS, type StatementAccess, type StatementFacts } from './facts.ts'
import { isWrite, type Mode } from './footprint.ts'
import { insertedRows, LOG } from './inserted-rows.ts'
import { isOwnText } from './own-texts.ts'
import { plainFunctions } from './plain-functions.ts'
import { keyOf } from './row-key.ts'
import { hasTotalOrder, takesRowsAsTheyLie } from './row-order.ts'
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
import { fieldOf, functionName, lastName, nodesOf, type Tree } from './tree.ts'
import { rangesOf, readMode, type Write, writesOf } from './writes.ts'

/** Functions of the server whose answer depends on what others do at this moment. */
const OPAQUE_FUNCTION =
  /^(?:pg_(?!advisory|try_advisory|sleep|typeof|get_serial)|txid_|lo_|lo(?:read|write)$|dblink|(?:query|table|cursor|schema|database)_to_xml|ts_stat|ts_rewrite|setval|current_query)/
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
    const names = (functions: readonly FunctionRow[]) =>
      new Set(functions.map(({ name }) => name.toLowerCase()))
    this.#functions = names(made.functions)
    this.#columns = names(made.functions.filter(({ ofRow }) => ofRow))
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

  /**
   * A statement has shown several rows, or waited at one of several. In which order they came was a
   * matter of who had written before whom, be it to other rows.
   */
  wentThrough(text: string): void {
    this.#noteAsTheyLie(this.facts(text).unordered)
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
    // The framework counts the rows of a write, which nobody else can tell.
    const nodes = this.#parse?.(expectedWrite(text))
    if (nodes === undefined) return RESTARTS
    const [node] = nodes
    if (node === undefined || nodes.length > 1) return restarts(nodes) ? RESTARTS : OPAQUE
    if (isOwnText(text)) return NO_ACCESS
    if (this.#learned.has(text)) return this.#opaque(node, true)
    return controlFacts(node) ?? this.#data(node) ?? this.#opaque(node)
  }

  /** Undefined: what it touches is not known. */
  #data(node: Node): StatementFacts | undefined {
    const [verb] = Object.keys(node)
    if (verb === undefined || !DATA.has(verb) || this.#hidden) return undefined
    const tree = node as unknown as Tree
    const functions = nodesOf(tree, 'FuncCall').map(functionName)
    if (functions.some((name) => OPAQUE_FUNCTION.test(name) || this.#functions.has(name)))
      return undefined
    if (this.#callsAsColumn(tree)) return undefined
    if (nodesOf(tree, 'FuncCall').some(setsWhatStatementsMean)) return undefined
    // SELECT INTO makes a table.
    if (nodesOf(tree, 'intoClause').length > 0) return undefined
    const accesses = this.#accesses(tree)
    if (accesses === undefined) return undefined
    this.#noteOrder(tree, accesses)
    const locking = nodesOf(tree, 'LockingClause')
    return {
      ...NO_ACCESS,
      accesses,
      unordered: this.#unordered(tree, accesses),
      probes: locking.some(({ waitPolicy }) => waitPolicy !== 'LockWaitBlock'),
      advisory: functions.some((name) => ADVISORY.test(name)),
      draws: functions.includes('nextval') || nodesOf(tree, 'SetToDefault').length > 0,
      session: setsSession(tree) || functions.some((name) => ADVISORY.test(name)),
    }
  }

  /** Code that this cannot read may take the rows of any table as they lie. */
  #opaque(node: Node, hides = this.#hidden): StatementFacts {
    const tree = node as unknown as Tree
    const [verb = ''] = Object.keys(node)
    const ranges = rangesOf(tree).map((range) => this.#named(range))
    const written = writesOf(tree).map(({ relation }) => this.#named(relation))
    const tables = [...ranges, ...written].flat().filter(({ schema }) => schema !== OWN_SCHEMA)
    const code =
      nodesOf(tree, 'FuncCall').some((call) => this.#runsCode(call)) ||
      this.#callsAsColumn(tree) ||
      tables.some(({ opaque, view }) => hides || opaque || view)
    if (DATA.has(verb) ? code : !LOOKS_AT_NO_ROW.has(verb))
      this.#noteAsTheyLie(this.#tables.map(tableName))
    if (takesRowsAsTheyLie(tree, ranges)) this.#noteAsTheyLie(tables.map(tableName))
    return { ...OPAQUE, unordered: tables.map(tableName) }
  }

  #callsAsColumn(tree: Tree): boolean {
    return nodesOf(tree, 'ColumnRef').some(({ fields }) => this.#columns.has(lastName(fields)))
  }

  #runsCode(call: Tree): boolean {
    const [schema] = call.funcname as readonly Tree[]
    if (fieldOf(schema, 'String')?.sval === OWN_SCHEMA) return false
    const name = functionName(call)
    return this.#functions.has(name) || RUNS_TEXT.test(name)
  }

  #noteOrder(tree: Tree, accesses: readonly StatementAccess[]): void {
    const tables = rangesOf(tree).map((range) => this.#named(range))
    if (takesRowsAsTheyLie(tree, tables)) this.#noteAsTheyLie(accesses.map(({ table }) => table))
    // Whoever reads the log goes by its positions.
    if (tables.flat().some((table) => tableName(table) === LOG)) this.#noteAsTheyLie([LOG])
  }

  #noteAsTheyLie(tables: readonly string[]): void {
    for (const table of tables) {
      this.#hasNews ||= !this.#asTheyLie.has(table)
      this.#asTheyLie.add(table)
    }
  }

  /** What it goes through without an order: what it reads or changes, a cascade among that. */
  #unordered(tree: Tree, accesses: readonly StatementAccess[]): string[] {
    const ranges = rangesOf(tree).map((range) => this.#named(range))
    if (hasTotalOrder(tree, ranges)) return []
    const changed = accesses.filter((one) => one.writes && one.mode !== 'insert' && !one.key)
    const read = rangesOf(tree).flatMap((range) => this.#find(range) ?? [])
    return [...read.map(tableName), ...changed.map(({ table }) => table)]
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
    const found = this.#named(range)
    if (found.some((table) => table.view && !this.#isPlainView(table))) return undefined
    const tables = found.flatMap((table) =>
      table.view ? (this.#bases.get(table.oid) ?? []) : [table],
    )
    return tables.length === 0 ? undefined : tables
  }

  /** It reads tables and does nothing else. What is materialized does not even read. */
  #isPlainView({ definition }: TableRow): boolean {
    if (definition === null) return true
    const { kind, advisory, draws, accesses } = this.facts(definition)
    return kind === 'data' && !advisory && !draws && accesses.every(({ mode }) => mode === 'read')
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

/** Holdfast's own functions and tables: those find their rows by keys. */
const OWN_SCHEMA = 'holdfast'
const RUNS_TEXT = /^(?:dblink|\w+_to_xml|ts_stat|ts_rewrite)/
const LOOKS_AT_NO_ROW = new Set([
  'LockStmt',
  'TruncateStmt',
  'NotifyStmt',
  'ListenStmt',
  'UnlistenStmt',
  'ConstraintsSetStmt',
  'VariableSetStmt',
  'DiscardStmt',
])
const DATA = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'])
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

function inserted(table: TableRow, { insert }: Write): StatementAccess {
  const rows = insertedRows(insert, table)
  return { table: tableName(table), mode: 'insert', writes: true, key: undefined, rows }
}
