import type pg from 'pg'
import { knownOptions, optionError, shown } from '../base/bounds.ts'

/** SQL as text, as a file, or as a folder of `.sql` files (in the order of their names); or several. */
export type RaceSql = string | URL | readonly (string | URL)[]

/** SQL, or whatever fills the empty database behind this URL: migrations, a program that seeds. */
export type RaceSetup = RaceSql | ((url: string) => Promise<unknown>)

/** A fact that a command caused outside of its database: a charge, a mail, a message. */
export interface RaceEffect {
  /** What must happen once: two effects of one kind with the same key are a double effect. */
  readonly key: string
  readonly [field: string]: unknown
}

/** What a command gets besides its database. */
export interface RaceWorld {
  /** The name of the command in `run`. */
  readonly command: string
  /** Stands for a call to the outside: it is recorded, and judged with the outcome. */
  effect(kind: string, effect: RaceEffect): Promise<void>
  /**
   * A call that is answered: `act` is what the other side does, with what it remembers of this
   * schedule. It is a step of its own, and what is remembered in the end is judged like a row.
   */
  call<T>(name: string, act: (remembered: Map<string, unknown>) => T): Promise<T>
}

/**
 * One command that races with others. `db` is what a `pg.Pool` is to its callers: hand it to a
 * function, to `new PostgresDialect({ pool: db })` of Kysely or to `drizzle(db)`.
 */
export type RaceCommand = (db: pg.Pool, world: RaceWorld) => Promise<unknown>

/** SQL that must return no row, or a function that throws or returns what is wrong. */
export type RaceInvariant = string | ((db: pg.Pool) => Promise<string | undefined>)

/** What is wrong with a schedule. */
export type FindingClass =
  /** A read-modify-write overwrote what another command had written in between. */
  | 'lost-update'
  /** Two commands read the same and wrote different rows, so that together they break a rule. */
  | 'write-skew'
  /** A row appeared or went away behind a check that had looked for it. */
  | 'phantom'
  /** A command answered from two states of the database. */
  | 'read-skew'
  /** The outcome fits no serial order, in none of the ways above. */
  | 'not-serializable'
  /** A rule of the definition does not hold. */
  | 'invariant'
  /** Two effects of one kind with the same key. */
  | 'double-effect'
  /** An effect happened while a transaction of the command held locks, and may yet roll back. */
  | 'effect-in-transaction'
  /** Commands waited for each other (40P01). */
  | 'deadlock'
  /** A serialization failure (40001) reached the caller. */
  | 'serialization-failure'
  /** A unique violation (23505) that no serial order has reached the caller. */
  | 'unique-violation'
  /** A command waits for a lock that it holds itself on another connection. */
  | 'self-deadlock'

/** Commands that run at the same time on the same rows, and what must be true of the outcome. */
export interface RaceDefinition {
  /** The tables, in an empty database. */
  readonly schema: RaceSetup
  /** The rows that every schedule starts from. */
  readonly seed?: RaceSetup
  /** Two or three commands that run at the same time. */
  readonly run: Readonly<Record<string, RaceCommand>>
  /** Asked on the seed, after every commit, and at the end; by name. */
  readonly invariants?: Readonly<Record<string, RaceInvariant>>
  /**
   * False: an outcome that no serial order has is no violation by itself (a counter of visits, a
   * report that may be a moment old). The invariants and the other rules hold all the same.
   */
  readonly serial?: boolean
  /** `table.column`s that are no part of the outcome. */
  readonly ignore?: readonly string[]
  /** Classes of findings that are meant to be so. */
  readonly allow?: readonly FindingClass[]
  /** More schedules than this end the search: INCONCLUSIVE. */
  readonly schedulesMax?: number
  /** Explores no schedule with more switches away from a command that could have gone on. */
  readonly preemptionsMax?: number
}

/** A race, as `race` has checked it. */
export interface Race extends RaceDefinition {
  readonly commands: readonly string[]
}

/** A search over three commands is a thousand times that over two; over four nobody waits for it. */
const COMMANDS_MAX = 3

const FIELDS = [
  'schema',
  'seed',
  'run',
  'invariants',
  'serial',
  'ignore',
  'allow',
  'schedulesMax',
  'preemptionsMax',
] as const satisfies readonly (keyof RaceDefinition)[]

/** Known by its brand: the file that defines a race may have another copy of this module. */
const BRAND = Symbol.for('holdfast.race')

/** Defines a race; exported from a file, `holdfast prove` explores it. */
export function race(definition: RaceDefinition): Race {
  // A race made from another one brings its commands along.
  knownOptions('race', definition, [...FIELDS, 'commands'])
  const commands = Object.keys(definition.run)
  if (commands.length < 2 || commands.length > COMMANDS_MAX)
    throw optionError('race', 'run', `has ${commands.length} commands and must have 2 or 3`)
  for (const [name, command] of Object.entries(definition.run))
    if (typeof command !== 'function')
      throw optionError('race', `run.${name}`, `is ${shown(command)} and must be a function`)
  checkIgnored('race', definition.ignore)
  return Object.freeze({ ...definition, commands, [BRAND]: true })
}

export function checkIgnored(where: string, ignore: readonly string[] = []): void {
  for (const column of ignore)
    if (!/^[^.]+\.[^.]+(?:\.[^.]+)?$/.test(column))
      throw optionError(where, 'ignore', `holds ${shown(column)} and must hold table.column`)
}

export function isRace(value: unknown): value is Race {
  return typeof value === 'object' && value !== null && BRAND in value
}
