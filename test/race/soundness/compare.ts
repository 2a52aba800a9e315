/** Runs a program with the reduction and without, and tells whether both saw the same outcomes. */
import type { Arenas } from '../../../src/prove/arena/arenas.ts'
import { exploreRace } from '../../../src/prove/explore-race.ts'
import { race } from '../../../src/prove/race.ts'
import type { RaceServer, Verdict } from '../../../src/prove/verdict.ts'
import { type Program, raceOf, textOf } from './program.ts'

export interface Comparison {
  /** Undefined: nothing is missed. */
  readonly difference: string | undefined
  readonly all: number
  readonly reduced: number
}

/** Databases that several programs share are made once. */
export interface Place {
  readonly server: RaceServer
  readonly arenas?: Arenas
}

export async function outcomesOf(
  program: Program,
  place: Place,
  exhaustive: boolean,
): Promise<Verdict> {
  return exploreRace(race(raceOf(program)), { ...place, keepGoing: true, exhaustive })
}

/** Outcomes, and what was found of the states between; undefined where it did not come to an end. */
export function seenIn(verdict: Verdict): readonly string[] | undefined {
  if (verdict.verdict === 'INCONCLUSIVE') return undefined
  const found = verdict.verdict === 'VIOLATION' ? verdict.findings : []
  return [...verdict.outcomes, ...found.map((finding) => finding.class)]
}

/** What is wrong with a reduced search, given everything that there is to see. */
export function missedBy(reduced: Verdict, all: readonly string[]): string | undefined {
  const seen = seenIn(reduced)
  if (seen === undefined) return `it is ${reduced.verdict}`
  const missed = all.filter((outcome) => !seen.includes(outcome))
  const extra = seen.filter((outcome) => !all.includes(outcome))
  if (missed.length + extra.length === 0) return undefined
  return `${missed.length} of ${all.length} outcomes are missed, ${extra.length} are new`
}

export async function compare(program: Program, place: Place): Promise<Comparison> {
  const reduced = await outcomesOf(program, place, false)
  const all = await outcomesOf(program, place, true)
  const seen = seenIn(all)
  const wrong = seen ? missedBy(reduced, seen) : `without the reduction it is ${all.verdict}`
  return {
    difference: wrong && `${wrong}\n${textOf(program)}`,
    all: all.schedules,
    reduced: reduced.schedules,
  }
}
