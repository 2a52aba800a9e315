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
  /** Of new rows, by unique index: their keys, where each is known. */
  readonly fresh?: readonly (Fresh | undefined)[]
}

/** What new rows have in one unique index. */
export interface Fresh {
  /** The columns of the index that are given. Which value the others have is not known. */
  readonly given: string
  readonly keys: ReadonlySet<string>
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
  /** Of a SERIALIZABLE transaction. */
  readonly serial: Serial | undefined
  /** Ends its transaction. */
  readonly ends: boolean
}

export interface Serial {
  /** Everything that it has read and written so far, with this message. */
  readonly touched: readonly Access[]
  /** With this message alone. */
  readonly now: readonly Access[]
  /** Its connection has committed no other before. */
  readonly first: boolean
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

const OUTSIDE: Access = { table: '(outside)', mode: 'update', key: undefined, writes: true }

/** A call to those who remember what they are told: to each other two of them are not the same. */
export const CALLS_OUTSIDE: Footprint = {
  ...NOTHING,
  none: false,
  sees: [OUTSIDE],
  publishes: [OUTSIDE],
}

export const EVERYTHING: Footprint = { ...NOTHING, all: true, none: false }

export interface Surroundings {
  /**
   * Every committed state is looked at by itself: two messages that publish may not change places
   * either, for the state between them would be another.
   */
  readonly watched?: boolean
  /** There are two commands and no other, and neither has two transactions open at once. */
  readonly pair?: boolean
}

export function dependent(
  left: Footprint,
  right: Footprint,
  { watched = false, pair = false }: Surroundings = {},
): boolean {
  if (left.none || right.none) return false
  if (left.all || right.all) return true
  if (watched && left.publishes.length > 0 && right.publishes.length > 0) return true
  if (collidesInSerial(left, right, pair)) return true
  return comesInTheWay(left, right) || comesInTheWay(right, left)
}

/** Whether `other` before `one` may change what `one` does, or the other way round. */
function comesInTheWay(one: Footprint, other: Footprint): boolean {
  if (one.snapshot && other.publishes.length > 0) return true
  if (meet(one.sees, other.publishes, visible)) return true
  if (meet(one.locks, other.locks, conflicting)) return true
  if (meet(one.locks, other.releases, conflicting)) return true
  return meet(one.probes, [...other.locks, ...other.releases], sameRow)
}

/** A new row meets what is there by its unique keys alone. */
function visible(one: Access, other: Access): boolean {
  return one.mode === 'insert' ? conflicting(one, other) : sameRow(one, other)
}

/**
 * Serializable transactions abort by who read and wrote what, whole pages at a time, and by who
 * committed first, of a third one too.
 *
 * Where there are two and no third, nothing is aborted before one of them commits: what stands
 * between them until then is the same in whichever order it came about, unless it is between these
 * very messages. And a commit is nothing to one that has neither read nor written in its way.
 */
function collidesInSerial(left: Footprint, right: Footprint, pair: boolean): boolean {
  const [one, other] = [left.serial, right.serial]
  if (one === undefined || other === undefined) return false
  const ends = left.ends || right.ends
  if (ends && !pair) return true
  const alone = pair && !ends && one.first && other.first
  return alone
    ? meet(one.now, other.now, readAndWrite)
    : meet(one.touched, other.touched, readAndWrite)
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
  return sameTable(one, other) && ((one.writes && reads(other)) || (reads(one) && other.writes))
}

/** A new row is written without a look at others, but for its own key. */
function reads({ mode }: Access): boolean {
  return mode !== 'insert'
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
  if (one.mode === 'insert' && other.mode === 'insert' && areApart(one, other)) return false
  if (one.mode === 'insert' || other.mode === 'insert') return sameTable(one, other)
  return sameRow(one, other)
}

/** New rows that differ in every unique index. */
function areApart(one: Access, other: Access): boolean {
  if (one.fresh === undefined || other.fresh === undefined) return false
  return one.fresh.every((left, index) => differ(left, other.fresh?.[index]))
}

function differ(one: Fresh | undefined, other: Fresh | undefined): boolean {
  if (one === undefined || other === undefined) return false
  return one.given === other.given && one.keys.isDisjointFrom(other.keys)
}
