/** Runs a program with the reduction and without, and tells whether both saw the same outcomes. */
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

export async function outcomesOf(
  program: Program,
  server: RaceServer,
  exhaustive: boolean,
): Promise<Verdict> {
  return exploreRace(race(raceOf(program)), { server, keepGoing: true, exhaustive })
}

/** What is wrong with a reduced search, given every outcome that there is. */
export function missedBy(reduced: Verdict, outcomes: readonly string[]): string | undefined {
  if (reduced.verdict !== 'CERTIFIED') return `it is ${reduced.verdict}`
  const missed = outcomes.filter((outcome) => !reduced.outcomes.includes(outcome))
  const extra = reduced.outcomes.filter((outcome) => !outcomes.includes(outcome))
  if (missed.length + extra.length === 0) return undefined
  return `${missed.length} of ${outcomes.length} outcomes are missed, ${extra.length} are new`
}

export async function compare(program: Program, server: RaceServer): Promise<Comparison> {
  const reduced = await outcomesOf(program, server, false)
  const all = await outcomesOf(program, server, true)
  const wrong =
    all.verdict === 'CERTIFIED'
      ? missedBy(reduced, all.outcomes)
      : `without the reduction it is ${all.verdict}`
  return {
    difference: wrong && `${wrong}\n${textOf(program)}`,
    all: all.schedules,
    reduced: reduced.schedules,
  }
}
