/** What is known of a statement from its text alone. */
import type { Mode } from './footprint.ts'
import type { InsertedRows } from './inserted-rows.ts'
import type { RowKey } from './row-key.ts'

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
  /** Where it leaves the transaction cannot be told. */
  readonly restarts: boolean
  /** Tables of which it takes several rows as they lie. */
  readonly unordered: readonly string[]
}

export const OPAQUE: StatementFacts = {
  kind: 'opaque',
  accesses: [],
  probes: false,
  advisory: false,
  draws: false,
  isolation: undefined,
  session: true,
  restarts: false,
  unordered: [],
}

/** It ends or begins a transaction in a way that is not followed. */
export const RESTARTS: StatementFacts = { ...OPAQUE, restarts: true }

export const NO_ACCESS: StatementFacts = { ...OPAQUE, kind: 'data', session: false }
