/** Where a figure or a claim comes from, and when somebody last looked at it there. */
import type { Source } from '../rules/rule.ts'

export interface AdviceSource extends Source {
  /** What to keep in mind: an old measurement, a vendor's own figures. */
  readonly caveat?: string
  /** On that day only the address was seen to be in use; what it says was not read again. */
  readonly addressOnly?: true
}

export interface CitedSource extends AdviceSource {
  readonly ageDays: number
  /** Nobody has looked for longer than a year: prices and limits will have moved. */
  readonly stale: boolean
  /** Looked at later than now: the clock of this machine is behind, and the age cannot be told. */
  readonly ahead: boolean
}

/** Vendors change prices and limits about once a year. */
const AGE_DAYS_MAX = 365
const DAY_MS = 86_400_000
/** A day begins up to 14 hours earlier elsewhere. */
const AHEAD_DAYS_MAX = 1

export function citeSource(source: AdviceSource, nowMs: number): CitedSource {
  const ageDays = Math.floor((nowMs - Date.parse(source.checked)) / DAY_MS)
  return {
    ...source,
    ageDays: Math.max(0, ageDays),
    stale: ageDays > AGE_DAYS_MAX,
    ahead: ageDays < -AHEAD_DAYS_MAX,
  }
}

/** For people: when it was looked at, and what to make of it today. */
export function sourceState(source: CitedSource): string {
  const checked = checkedText(source)
  if (source.stale) return `STALE: ${checked}, look again`
  return source.ahead
    ? `${checked}, later than today: is the clock of this machine right?`
    : checked
}

/** How well a source was looked at, in words. */
export function checkedText({ checked, addressOnly }: AdviceSource): string {
  return addressOnly ? `address seen ${checked}, not read again` : `checked ${checked}`
}
