/**
 * What a list of statements leaves behind of foreign keys, and of indexes that could serve them.
 * Statements are added in the order in which they run.
 */
import type { Node as SqlNode } from 'libpg-query'
import { as, names, type NodeOf as SqlNodeOf } from '../../database/guard/ast.ts'

export interface ForeignKey<Origin> {
  readonly table: string
  readonly columns: readonly string[]
  readonly parent: string
  /** ON DELETE CASCADE: each delete of a parent looks for these rows, and deletes them. */
  readonly follows: boolean
  /** Where it is declared, in bytes from the start of the text. */
  readonly byte: number | undefined
  readonly origin: Origin
}

interface Index {
  readonly table: string
  readonly columns: readonly string[]
  readonly name: string | undefined
}

/** Of a composite key these alone choose too little to be worth an index scan. */
const COARSE = /tenant|org|workspace|account|company/i
const KEYS: ReadonlySet<string> = new Set(['CONSTR_PRIMARY', 'CONSTR_UNIQUE'])

export class KeySchema<Origin> {
  #keys: ForeignKey<Origin>[] = []
  #indexes: Index[] = []
  /** Texts that could not be read as statements, and may make an index. */
  readonly #unread: string[] = []

  addUnread(text: string): void {
    if (/\bindex\b|\bunique\b/i.test(text)) this.#unread.push(text.toLowerCase())
  }

  /** One that a builder makes, or a file that runs later. */
  addIndex(table: string, columns: readonly string[]): void {
    this.#indexes.push({ table, columns, name: undefined })
  }

  /** Those that another list of statements makes. */
  addIndexesOf<Other>(other: KeySchema<Other>): void {
    this.#indexes.push(...other.#indexes)
  }

  add(node: SqlNode, origin: Origin): void {
    const create = as(node, 'CreateStmt')
    const table = create?.relation?.relname
    if (table !== undefined) this.#elements(table, create?.tableElts ?? [], origin)
    this.#alter(node, origin)
    this.#index(as(node, 'IndexStmt'))
    this.#drop(node)
    this.#rename(as(node, 'RenameStmt'))
    const block = as(node, 'DoStmt')
    if (block !== undefined) this.addUnread(JSON.stringify(block))
  }

  #elements(table: string, elements: readonly SqlNode[], origin: Origin): void {
    for (const each of elements) {
      const column = as(each, 'ColumnDef')
      for (const inner of column?.constraints ?? []) {
        const own = column?.colname === undefined ? [] : [column.colname]
        this.#constraint(table, as(inner, 'Constraint'), own, origin, column?.location)
      }
      this.#constraint(table, as(each, 'Constraint'), [], origin)
    }
  }

  #constraint(
    table: string,
    constraint: SqlNodeOf<'Constraint'> | undefined,
    own: readonly string[],
    origin: Origin,
    byte = constraint?.location,
  ): void {
    if (constraint === undefined) return
    const { contype = '', keys, fk_attrs, pktable, fk_del_action, conname, indexname } = constraint
    if (KEYS.has(contype) && indexname === undefined) {
      const columns = keys === undefined ? own : names(keys)
      this.#indexes.push({ table, columns, name: conname })
    }
    if (contype !== 'CONSTR_FOREIGN') return
    const columns = fk_attrs === undefined ? own : names(fk_attrs)
    const follows = fk_del_action === 'c'
    this.#keys.push({ table, columns, parent: pktable?.relname ?? '?', follows, byte, origin })
  }

  #alter(node: SqlNode, origin: Origin): void {
    const alter = as(node, 'AlterTableStmt')
    const table = alter?.relation?.relname
    if (table === undefined) return
    for (const each of alter?.cmds ?? []) {
      const command = as(each, 'AlterTableCmd')
      if (command?.subtype === 'AT_AddColumn' || command?.subtype === 'AT_AddConstraint')
        this.#elements(table, command.def === undefined ? [] : [command.def], origin)
      if (command?.subtype === 'AT_DropColumn')
        this.#keys = this.#keys.filter(
          (key) => key.table !== table || !key.columns.includes(command.name ?? ''),
        )
    }
  }

  #index(index: SqlNodeOf<'IndexStmt'> | undefined): void {
    const table = index?.relation?.relname
    if (index === undefined || table === undefined) return
    const parts = (index.indexParams ?? []).map((each) => as(each, 'IndexElem')?.name)
    const end = parts.indexOf(undefined)
    const columns = (end === -1 ? parts : parts.slice(0, end)) as string[]
    this.#indexes.push({ table, columns, name: index.idxname })
  }

  #drop(node: SqlNode): void {
    const drop = as(node, 'DropStmt')
    const dropped = (drop?.objects ?? []).map((each) => names(as(each, 'List')?.items).at(-1))
    if (drop?.removeType === 'OBJECT_INDEX')
      this.#indexes = this.#indexes.filter(({ name }) => !dropped.includes(name ?? '?'))
    if (drop?.removeType === 'OBJECT_TABLE')
      this.#keys = this.#keys.filter(({ table }) => !dropped.includes(table))
  }

  #rename(rename: SqlNodeOf<'RenameStmt'> | undefined): void {
    const { renameType, relation, subname, newname = '' } = rename ?? {}
    const from = relation?.relname
    if (renameType === 'OBJECT_TABLE') this.#replace((each) => (each === from ? newname : each))
    if (renameType === 'OBJECT_COLUMN')
      this.#replace(undefined, (each, table) =>
        table === from && each === subname ? newname : each,
      )
  }

  #replace(
    table: (name: string) => string = (name) => name,
    column: (name: string, table: string) => string = (name) => name,
  ): void {
    const renamed = <Each extends { table: string; columns: readonly string[] }>(each: Each) => ({
      ...each,
      table: table(each.table),
      columns: each.columns.map((name) => column(name, each.table)),
    })
    this.#keys = this.#keys.map(renamed)
    this.#indexes = this.#indexes.map(renamed)
  }

  /** Foreign keys that no index starts with. */
  unserved(): readonly ForeignKey<Origin>[] {
    return this.#keys.filter(
      (key) =>
        !this.#indexes.some(
          (index) => index.table === key.table && serves(index.columns, key.columns),
        ) &&
        !this.#unread.some((text) =>
          [key.table, ...key.columns].every((name) => text.includes(name.toLowerCase())),
        ),
    )
  }
}

/** Whether an index starts with the columns of a key in any order, or with one that chooses well. */
export function serves(index: readonly string[], key: readonly string[]): boolean {
  const start = new Set(index.slice(0, key.length))
  const [first] = index
  return (
    key.every((column) => start.has(column)) ||
    (first !== undefined && key.includes(first) && !COARSE.test(first))
  )
}
