/**
 * The commands of an app against each other, with nothing written: each with itself and with those
 * that touch a table of its own, on inputs that are drawn.
 */
import { knownOptions, optionError, shown } from '../../base/bounds.ts'
import type { ScenarioDefinition } from '../app/scenario.ts'

/** An app whose commands are paired; everything but `app` may be left out. */
export interface PairsDefinition
  extends Pick<
    ScenarioDefinition,
    'app' | 'seed' | 'services' | 'invariants' | 'serial' | 'ignore' | 'allow'
  > {
  /** Whose rows the commands work on; by default who has most rows in the seed. */
  readonly tenant?: string
  /** Names of commands that race with none. */
  readonly except?: readonly string[]
}

/** Pairs, as `pairs` has checked them. */
export interface Pairs extends PairsDefinition {
  readonly [BRAND]: true
}

const FIELDS = [
  'app',
  'seed',
  'services',
  'invariants',
  'serial',
  'ignore',
  'allow',
  'tenant',
  'except',
] as const satisfies readonly (keyof PairsDefinition)[]

/** Known by its brand: the file that defines it may have another copy of this module. */
const BRAND: unique symbol = Symbol.for('holdfast.pairs') as never

/** Pairs the commands of an app; exported from a file, `holdfast prove` explores each of them. */
export function pairs(definition: PairsDefinition): Pairs {
  knownOptions('pairs', definition, FIELDS)
  if (!Array.isArray(definition.app?.modules))
    throw optionError('pairs', 'app', `is ${shown(definition.app)} and must be made by defineApp`)
  return Object.freeze({ ...definition, [BRAND]: true as const })
}

export function isPairs(value: unknown): value is Pairs {
  return typeof value === 'object' && value !== null && BRAND in value
}
