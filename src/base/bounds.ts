/** Options are checked when they are given: the message names the field, its bound and the reason. */
import { didYouMean } from './did-you-mean.ts'
import { HoldfastError } from './fault.ts'

export interface IntegerBound {
  readonly min: number
  readonly max: number
  readonly default: number
  /** Why the bound and the default are what they are; ends the message. */
  readonly because: string
}

export function optionError(where: string, field: string, complaint: string): HoldfastError {
  return new HoldfastError('HF_OPTION_INVALID', `${where}: ${field} ${complaint}.`)
}

/** A whole number within its bound; the default where it is not given. */
export function integerOption(
  where: string,
  field: string,
  value: number | undefined,
  bound: IntegerBound,
): number {
  if (value === undefined) return bound.default
  if (Number.isInteger(value) && value >= bound.min && value <= bound.max) return value
  const range = `a whole number from ${bound.min} to ${bound.max}`
  throw optionError(where, field, `is ${shown(value)} and must be ${range} (${bound.because})`)
}

/** One of a few words; the default where it is not given. */
export function wordOption<const Word extends string>(
  where: string,
  field: string,
  value: Word | undefined,
  words: readonly Word[],
  fallback: Word,
): Word {
  if (value === undefined) return fallback
  if (words.includes(value)) return value
  const known = words.map((word) => `"${word}"`).join(', ')
  const hint = didYouMean(String(value), words)
  throw optionError(where, field, `is ${shown(value)} and must be one of ${known}${hint}`)
}

/** A misspelt option would be a default nobody asked for: unknown names are refused. */
export function knownOptions(where: string, options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue
    throw optionError(where, `option "${name}"`, `is unknown${didYouMean(name, names)}`)
  }
}

/** A value as it stands in a message: short, on one line. */
export function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  const text = typeof value === 'string' ? `"${value}"` : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
