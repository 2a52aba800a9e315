import type pg from 'pg'
import { knownOptions, optionError, wordOption } from '../../base/bounds.ts'
import { checkIgnored, type RaceDefinition, type RaceEffect } from '../race.ts'

/** What a broker hands out. It hands it out again until it is acknowledged, and once more after. */
export interface CrashMessage {
  readonly key: string
  readonly [field: string]: unknown
}

/** What is outside of the process and its database, and outlives both. */
export interface CrashWorld {
  /** Stands for a call that acts each time: with the same key twice, it has acted twice. */
  effect(kind: string, effect: RaceEffect): Promise<void>
  /** Stands for a call to somebody who knows the key: a second one acts no more. */
  effectOnce(kind: string, effect: RaceEffect): Promise<void>
  /**
   * A call that is answered: `act` is what the other side does, with what it remembers. What it
   * remembers in the end is judged like a row.
   */
  call<T>(name: string, act: (remembered: Map<string, unknown>) => T): Promise<T>
  /** Gives a message to the broker, which may hand out the same key twice. */
  publish(message: CrashMessage): Promise<void>
}

/** A message as a consumer gets it. */
export interface CrashDelivery {
  readonly message: CrashMessage
  /** Without a call of it, a consumer that returns has acknowledged. */
  ack(): Promise<void>
}

type Work = (db: pg.Pool, world: CrashWorld) => Promise<unknown>

/** One process: what `boot` keeps in variables is gone when the process dies. */
export interface CrashProgram {
  /** What a client asks for, with the same key again until it has an answer. */
  readonly request?: Work
  /** What runs again and again: relays, workers, recovery. */
  readonly loops?: Readonly<Record<string, Work>>
  readonly consume?: (db: pg.Pool, delivery: CrashDelivery, world: CrashWorld) => Promise<unknown>
}

/** A program that may be cut off at every step, and what must be true afterwards. */
export interface CrashDefinition extends Pick<RaceDefinition, 'schema' | 'seed' | 'invariants'> {
  /** `table.column`s that are no part of the outcome; `table.*`: the whole table. */
  readonly ignore?: readonly string[]
  readonly boot: () => CrashProgram
  /** How often all loops run in a row, undisturbed; 3 by default. After a fault they run twice more. */
  readonly rounds?: number
  /** The client must get the same answer each time to the byte: generated ids and moments too. */
  readonly sameBytes?: boolean
  /** What the broker holds from the start: events, jobs, webhooks. */
  readonly messages?: readonly CrashMessage[]
  readonly deliveries?: CrashDeliveries
}

/** What a broker promises of how it hands out the messages; each may come twice whatever it says. */
export interface CrashDeliveries {
  /** `per group`: those of one group come in their order. Nothing by default, as most do. */
  readonly order?: 'any' | 'per group'
  /** All messages are one group by default. */
  readonly groupOf?: (message: CrashMessage) => string
  /** The same message in the forms that older producers wrote, which may still be under way. */
  readonly older?: (message: CrashMessage) => readonly CrashMessage[]
}

const FIELDS = [
  'schema',
  'seed',
  'invariants',
  'ignore',
  'boot',
  'rounds',
  'sameBytes',
  'messages',
  'deliveries',
] as const satisfies readonly (keyof CrashDefinition)[]

/** A crash, as `crash` has checked it. */
export interface Crash extends CrashDefinition {}

/** Known by its brand: the file that defines it may have another copy of this module. */
const BRAND = Symbol.for('holdfast.crash')

/** Defines a program that must survive; exported from a file, `holdfast prove` explores it. */
export function crash(definition: CrashDefinition): Crash {
  knownOptions('crash', definition, FIELDS)
  const { deliveries = {}, messages = [] } = definition
  knownOptions('crash', deliveries, ['order', 'groupOf', 'older'])
  wordOption('crash', 'deliveries.order', deliveries.order, ['any', 'per group'], 'any')
  const keys = messages.map(({ key }) => key)
  const twice = keys.find((key, index) => keys.indexOf(key) !== index)
  if (twice !== undefined)
    throw optionError(
      'crash',
      'messages',
      `has two of the key "${twice}": each is delivered twice by itself`,
    )
  const { request, loops, consume } = definition.boot()
  if (request === undefined && loops === undefined && consume === undefined)
    throw optionError('crash', 'boot', 'makes nothing that runs: a request, loops or a consumer')
  checkIgnored('crash', definition.ignore)
  return Object.freeze({ ...definition, [BRAND]: true })
}

export function isCrash(value: unknown): value is Crash {
  return typeof value === 'object' && value !== null && BRAND in value
}
