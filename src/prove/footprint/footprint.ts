/**
 * What one message touches, and when two messages of different commands may not change places.
 *
 * Every rule errs on one side: what is not known to be independent is dependent. A schedule too many
 * costs time, one too few would make a certificate worthless.
 */

/** Row locks of Postgres (manual, 13.3.2), a plain read, and a new row. */
export type Mode = 'read' | 'keyshare' | 'share' | 'nokey' | 'update' | 'insert'

export interface Access {
  /** `schema.table`, or undefined: any table. */
  readonly table: string | undefined
  readonly mode: Mode
  /** The row, by its primary key; undefined: any row. */
  readonly key: string | undefined
  /** The row is changed, not only locked. */
  readonly writes: boolean
}

export interface Footprint {
  /** Commutes with nothing. */
  readonly all: boolean
  /** Commutes with everything: nobody else can tell when it went. */
  readonly none: boolean
  /** Sees what others have committed by now. */
  readonly sees: readonly Access[]
  /** Row locks that it takes, new rows among them. */
  readonly locks: readonly Access[]
  /** Becomes visible to others with it. */
  readonly publishes: readonly Access[]
  /** Row locks that are gone after it. */
  readonly releases: readonly Access[]
  /** Fixes what the rest of its transaction sees. */
  readonly snapshot: boolean
  /** Skips or refuses where others hold locks, instead of waiting. */
  readonly probes: readonly Access[]
  /** Of a SERIALIZABLE transaction: everything that it has read and written so far. */
  readonly serial: readonly Access[] | undefined
  /** Ends its transaction. */
  readonly ends: boolean
}

export const NOTHING: Footprint = {
  all: false,
  none: true,
  sees: [],
  locks: [],
  publishes: [],
  releases: [],
  snapshot: false,
  probes: [],
  serial: undefined,
  ends: false,
}

export const EVERYTHING: Footprint = { ...NOTHING, all: true, none: false }

/**
 * @param watched every committed state is looked at by itself: two messages that publish may not
 *   change places either, for the state between them would be another
 */
export function dependent(left: Footprint, right: Footprint, watched = false): boolean {
  if (left.none || right.none) return false
  if (left.all || right.all) return true
  if (watched && left.publishes.length > 0 && right.publishes.length > 0) return true
  return comesInTheWay(left, right) || comesInTheWay(right, left)
}

/** Whether `other` before `one` may change what `one` does, or the other way round. */
function comesInTheWay(one: Footprint, other: Footprint): boolean {
  if (one.snapshot && other.publishes.length > 0) return true
  if (meet(one.sees, other.publishes, sameRow)) return true
  if (meet(one.locks, other.locks, conflicting)) return true
  if (meet(one.locks, other.releases, conflicting)) return true
  if (meet(one.probes, [...other.locks, ...other.releases], sameRow)) return true
  return collidesInSerial(one, other)
}

/**
 * Serializable transactions abort by who read and wrote what, whole pages at a time, and by who
 * committed first.
 */
function collidesInSerial(one: Footprint, other: Footprint): boolean {
  if (one.serial === undefined || other.serial === undefined) return false
  if (one.ends) return true
  return meet(one.serial, other.serial, readAndWrite)
}

function meet(
  left: readonly Access[],
  right: readonly Access[],
  test: (one: Access, other: Access) => boolean,
): boolean {
  return left.some((one) => right.some((other) => test(one, other)))
}

function sameTable(one: Access, other: Access): boolean {
  return one.table === undefined || other.table === undefined || one.table === other.table
}

function sameRow(one: Access, other: Access): boolean {
  if (!sameTable(one, other)) return false
  return one.key === undefined || other.key === undefined || one.key === other.key
}

function readAndWrite(one: Access, other: Access): boolean {
  return sameTable(one, other) && (one.writes || other.writes)
}

export function isWrite(mode: Mode): boolean {
  return mode === 'nokey' || mode === 'update' || mode === 'insert'
}

/** Two new rows may have one key, or draw their ids from one sequence: they never change places. */
const CONFLICTS: Readonly<Record<Mode, readonly Mode[]>> = {
  read: [],
  keyshare: ['update'],
  share: ['nokey', 'update'],
  nokey: ['share', 'nokey', 'update'],
  update: ['keyshare', 'share', 'nokey', 'update', 'insert'],
  insert: ['insert', 'update'],
}

function conflicting(one: Access, other: Access): boolean {
  if (!CONFLICTS[one.mode].includes(other.mode)) return false
  if (one.mode === 'insert' || other.mode === 'insert') return sameTable(one, other)
  return sameRow(one, other)
}
