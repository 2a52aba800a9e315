/**
 * What the commands may do at the same time: what they do one after another, in some order. Commands
 * that failed may have failed, if the rest is as if they had not been called.
 */
import type { ScheduleResult } from '../run/schedule.ts'
import { type Outcome, type OutcomeRules, outcomeOf, sqlstateOf } from './outcome.ts'

export type RunSerially = (order: readonly number[]) => Promise<ScheduleResult>

export interface SerialRun {
  readonly order: readonly number[]
  readonly outcome: Outcome
  readonly result: ScheduleResult
}

export class SerialOracle {
  readonly #run: RunSerially
  readonly #rules: OutcomeRules
  /** By the commands that run, joined. */
  readonly #runs = new Map<string, Promise<readonly SerialRun[]>>()

  constructor(run: RunSerially, rules: OutcomeRules) {
    this.#run = run
    this.#rules = rules
  }

  /** All orders of these commands. */
  runs(commands: readonly number[]): Promise<readonly SerialRun[]> {
    const key = commands.join()
    let runs = this.#runs.get(key)
    if (runs === undefined) {
      runs = this.#runAll(commands)
      this.#runs.set(key, runs)
    }
    return runs
  }

  /** The serial runs that it is compared with, where it is like none of them. */
  async misfit(result: ScheduleResult): Promise<readonly SerialRun[] | undefined> {
    const { commands } = result
    const all = await this.runs(commands)
    const { digest } = outcomeOf(result, this.#rules)
    if (all.some(({ outcome }) => outcome.digest === digest)) return undefined
    const succeeded = commands.filter((command) => result.results[command]?.ok === true)
    if (succeeded.length === commands.length) return all
    const alone = await this.runs(succeeded)
    const part = outcomeOf(result, this.#rules, succeeded)
    return alone.some(({ outcome }) => sameFor(outcome, part)) ? undefined : alone
  }

  /** Whether the command reports this state to its caller when nobody comes in between. */
  async reports(command: number, state: string): Promise<boolean> {
    const commands = [...this.#runs.keys()][0]?.split(',').map(Number) ?? []
    const runs = await this.runs(commands)
    return runs.some(({ result }) => {
      const answer = result.results[command]
      return answer?.ok === false && sqlstateOf(answer.error) === state
    })
  }

  async #runAll(commands: readonly number[]): Promise<readonly SerialRun[]> {
    const runs: SerialRun[] = []
    for (const order of permutations(commands)) {
      const result = await this.#run(order)
      runs.push({ order, outcome: outcomeOf(result, this.#rules), result })
    }
    return runs
  }
}

function sameFor(serial: Outcome, part: Outcome): boolean {
  const text = ({ tables, replies, effects }: Outcome) => JSON.stringify([tables, replies, effects])
  return text(serial) === text(part)
}

export function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  )
}
