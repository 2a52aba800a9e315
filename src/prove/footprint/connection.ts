/**
 * What the explorer knows of one connection: its transaction, what that has locked and written, and
 * from both the footprint of the next message, before it is sent.
 */
import type { StatementFacts } from './facts.ts'
import {
  type Access,
  EVERYTHING,
  type Footprint,
  type Fresh,
  NOTHING,
  type Serial,
} from './footprint.ts'
import type { IndexKeys } from './inserted-rows.ts'
import type { RowKey } from './row-key.ts'
import type { Statements } from './statements.ts'

/** How the server says that a connection is idle, in a transaction, or in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E'

export interface Connection {
  /** What sending this would touch. */
  footprint(text: string, values: readonly unknown[]): Footprint
  /** It was sent and answered. */
  answered(text: string, values: readonly unknown[], ok: boolean, status: TransactionStatus): void
  /** A transaction is open, and holds row locks or has written. */
  readonly holds: boolean
  /** A transaction is open. */
  readonly open: boolean
  /** It has failed: it holds nothing any more, and the server refuses all but its end. */
  readonly failed: boolean
  /** Settings or locks of the session may be left over. */
  readonly changed: boolean
  /** The texts of the transaction, for a comparison with what it locks. */
  readonly texts: readonly string[]
  /** Counts transactions, one for each autocommitted statement. */
  readonly transaction: number
}

interface Transaction {
  isolation: string
  snapshot: boolean
  opaque: boolean
  failed: boolean
  readonly texts: string[]
  /** Row locks, new rows among them. */
  readonly held: Access[]
  readonly touched: Access[]
}

export function openConnection(statements: Statements, isolation: string): Connection {
  return new KnownConnection(statements, isolation)
}

/** Whose sequence it is nobody knows: every new row may draw from it. */
const SEQUENCE: Access = { table: undefined, mode: 'insert', key: undefined, writes: false }
const SETS_LEVEL = /isolation|characteristics|set_config|deferrable/i
const ADVISORY: Access = { table: 'advisory', mode: 'update', key: undefined, writes: false }

class KnownConnection implements Connection {
  readonly #statements: Statements
  readonly #isolation: string
  #transaction: Transaction | undefined
  #unknown = false
  /** A SERIALIZABLE transaction, with which others may still collide. */
  #committed = false
  changed = false
  transaction = 0

  constructor(statements: Statements, isolation: string) {
    this.#statements = statements
    this.#isolation = isolation
  }

  get holds(): boolean {
    const { held = [], opaque = false } = this.#transaction ?? {}
    return !this.failed && (opaque || held.length > 0)
  }

  get failed(): boolean {
    return this.#transaction?.failed === true
  }

  get open(): boolean {
    return this.#transaction !== undefined
  }

  get texts(): readonly string[] {
    return this.#transaction?.texts ?? []
  }

  footprint(text: string, values: readonly unknown[]): Footprint {
    const facts = this.#statements.facts(text)
    const transaction = this.#transaction
    if (this.#unknown) return EVERYTHING
    if (facts.kind === 'opaque')
      return transaction?.failed && !facts.restarts ? NOTHING : EVERYTHING
    if (facts.kind === 'commit' || facts.kind === 'rollback') return this.#ending(facts)
    if (facts.kind === 'rollback-to') return this.#released(transaction)
    if (facts.kind !== 'data' || transaction?.failed) return NOTHING
    return this.#data(facts, this.#accessesOf(facts, values))
  }

  answered(text: string, values: readonly unknown[], ok: boolean, status: TransactionStatus): void {
    const facts = this.#statements.facts(text)
    this.changed ||= facts.session
    // It may have set anything, the isolation of later transactions included.
    if (facts.restarts || (facts.kind === 'opaque' && SETS_LEVEL.test(text))) this.#unknown = true
    if (status === 'I') {
      const { isolation = this.#isolation } = this.#transaction ?? {}
      this.#committed ||= isolation === 'serializable' && ok && facts.kind !== 'rollback'
      this.#transaction = undefined
      if (facts.kind === 'data' || facts.kind === 'opaque') this.transaction += 1
      return
    }
    const transaction = this.#enter(facts)
    transaction.failed = status === 'E'
    transaction.texts.push(text)
    transaction.opaque ||= facts.kind === 'opaque'
    if (facts.kind === 'isolation') transaction.isolation = facts.isolation ?? transaction.isolation
    if (facts.kind === 'data' && ok) this.#remember(transaction, facts, values)
  }

  #enter(facts: StatementFacts): Transaction {
    if (this.#transaction !== undefined) return this.#transaction
    this.transaction += 1
    this.#transaction = {
      isolation: facts.isolation ?? this.#isolation,
      snapshot: false,
      opaque: facts.kind !== 'begin',
      failed: false,
      texts: [],
      held: [],
      touched: [],
    }
    return this.#transaction
  }

  #remember(transaction: Transaction, facts: StatementFacts, values: readonly unknown[]): void {
    const accesses = this.#accessesOf(facts, values)
    transaction.snapshot = true
    transaction.held.push(...lockingOf(facts, accesses))
    transaction.touched.push(...accesses)
  }

  #accessesOf(facts: StatementFacts, values: readonly unknown[]): Access[] {
    return facts.accesses.map(({ table, mode, writes, key, rows }) =>
      writes && this.#statements.isTakenAsItLies(table)
        ? { table, mode: mode === 'insert' ? mode : 'update', writes, key: undefined }
        : {
            table,
            mode,
            writes,
            key: key && keyText(key, values),
            ...(rows && { fresh: rows.map((index) => keysOf(index, values)) }),
          },
    )
  }

  #ending({ kind }: StatementFacts): Footprint {
    const transaction = this.#transaction
    if (transaction === undefined) return NOTHING
    const { held, isolation, touched, failed, opaque } = transaction
    const publishes = kind === 'commit' && !failed ? held.filter(({ writes }) => writes) : []
    if (opaque || (this.#statements.defers && publishes.length > 0)) return EVERYTHING
    const serial =
      isolation === 'serializable' && touched.length > 0 ? this.#serial(touched, []) : undefined
    if (held.length === 0 && serial === undefined) return NOTHING
    return { ...NOTHING, none: false, publishes, releases: held, serial, ends: true }
  }

  #serial(touched: readonly Access[], now: readonly Access[]): Serial {
    return { touched, now, first: !this.#committed }
  }

  #released(transaction: Transaction | undefined): Footprint {
    if (transaction === undefined) return NOTHING
    if (transaction.opaque) return EVERYTHING
    return { ...NOTHING, none: transaction.held.length === 0, releases: transaction.held }
  }

  #data(facts: StatementFacts, accesses: readonly Access[]): Footprint {
    const transaction = this.#transaction
    const isolation = transaction?.isolation ?? this.#isolation
    const fixed = isolation === 'repeatable read' || isolation === 'serializable'
    const alone = transaction === undefined
    const takesSnapshot = fixed && transaction?.snapshot !== true
    const locks = lockingOf(facts, accesses)
    const serial =
      isolation === 'serializable'
        ? this.#serial([...(transaction?.touched ?? []), ...accesses], accesses)
        : undefined
    return {
      all: false,
      none: accesses.length === 0 && locks.length === 0 && serial === undefined && !takesSnapshot,
      // The snapshot of the transaction is fixed, yet what is locked is looked at as it is now.
      sees: fixed && !alone ? accesses.filter(({ mode }) => mode !== 'read') : accesses,
      locks,
      publishes: alone ? locks.filter(({ writes }) => writes) : [],
      releases: alone || facts.advisory ? locks : [],
      snapshot: takesSnapshot,
      probes: facts.probes ? accesses.map((access) => ({ ...access, key: undefined })) : [],
      serial,
      ends: alone,
    }
  }
}

function lockingOf(facts: StatementFacts, accesses: readonly Access[]): Access[] {
  const rows = accesses.filter(({ mode }) => mode !== 'read')
  return [...rows, ...(facts.advisory ? [ADVISORY] : []), ...(facts.draws ? [SEQUENCE] : [])]
}

/** The keys of all rows in one unique index; undefined where one is not certain. */
function keysOf({ given, rows }: IndexKeys, values: readonly unknown[]): Fresh | undefined {
  const keys = rows.map((row) => row && rowText(row, values))
  if (keys.includes(undefined)) return undefined
  return { given, keys: new Set(keys.flatMap((key) => key ?? [])) }
}

/** Empty where it can collide with no other: NULL is equal to nothing. */
function rowText(row: readonly RowKey[], values: readonly unknown[]): string[] | undefined {
  const given = row.map(({ parameter, constant }) =>
    parameter === undefined ? constant : values[parameter - 1],
  )
  if (given.some((value) => value === null)) return []
  const texts = row.map((key) => keyText(key, values))
  return texts.length === 0 || texts.includes(undefined) ? undefined : [JSON.stringify(texts)]
}

/** The value as a text that is the same for the same row; undefined where that is not certain. */
function keyText(
  { type, parameter, constant }: RowKey,
  values: readonly unknown[],
): string | undefined {
  const value = parameter === undefined ? constant : values[parameter - 1]
  if (!['string', 'number', 'bigint'].includes(typeof value)) return undefined
  const text = String(value)
  if (type === 'uuid')
    return /^[0-9a-f-]{36}$/i.test(text) ? text.replaceAll('-', '').toLowerCase() : undefined
  if (type === 'text') return text
  // Blanks beyond its length are cut off.
  if (type === 'character varying') return text.trimEnd()
  return /^-?\d{1,18}$/.test(text) ? String(BigInt(text)) : undefined
}
