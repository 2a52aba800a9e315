/** Everything that can be wrong with one schedule. */

import type { Statements } from '../footprint/statements.ts'
import type { FindingClass, Race } from '../race.ts'
import type { ScheduleResult } from '../run/schedule.ts'
import { type Anomaly, classify } from './classify.ts'
import type { Breach } from './invariants.ts'
import {
  errorText,
  type Outcome,
  type OutcomeRules,
  outcomeOf,
  sqlstateOf,
  valueText,
} from './outcome.ts'
import type { SerialOracle, SerialRun } from './serial-oracle.ts'

export interface Fault {
  readonly class: FindingClass
  /** Of an outcome that is wrong: what the trace shows. */
  readonly anomaly?: Anomaly
  readonly message: string
  readonly evidence: readonly string[]
}

const REACHES_CALLER: readonly (readonly [string, FindingClass, string])[] = [
  ['40001', 'serialization-failure', 'A serialization failure (40001)'],
  ['40P01', 'deadlock', 'A deadlock (40P01)'],
  ['23505', 'unique-violation', 'A unique violation (23505) that no serial order has'],
]

export class Judge {
  readonly #race: Race
  readonly #oracle: SerialOracle
  readonly #rules: OutcomeRules
  readonly #statements: Statements

  constructor(race: Race, oracle: SerialOracle, rules: OutcomeRules, statements: Statements) {
    this.#race = race
    this.#oracle = oracle
    this.#rules = rules
    this.#statements = statements
  }

  /** Worst first. `breaches`: what the invariants said, during the schedule and behind it. */
  async judge(result: ScheduleResult, breaches: readonly Breach[]): Promise<Fault[]> {
    const misfit = this.#race.serial === false ? undefined : await this.#oracle.misfit(result)
    const faults = [
      ...doubled(result),
      ...this.#anomalies(result, breaches, misfit && this.#compare(result, misfit)),
      ...(await this.#reaching(result)),
      ...selfDeadlock(result),
      ...inTransaction(result),
    ]
    return faults.filter((fault) => !this.#race.allow?.includes(fault.class))
  }

  #anomalies(
    result: ScheduleResult,
    breaches: readonly Breach[],
    differences: readonly string[] | undefined,
  ): Fault[] {
    if (breaches.length === 0 && differences === undefined) return []
    const anomaly = classify(this.#race, result.steps, this.#statements)
    // Nobody read anything stale, and the outcome is a serial one: the rule itself is broken.
    const plain = anomaly.class === 'not-serializable' && differences === undefined
    const rows = breaches.flatMap(({ invariant, evidence }) =>
      evidence.map((row) => `"${invariant}": ${row}`),
    )
    return [
      {
        class: plain ? 'invariant' : anomaly.class,
        anomaly,
        message: brokenText(breaches),
        evidence: [...rows, ...(differences ?? [])],
      },
    ]
  }

  /** What is other than in the serial run that is nearest. */
  #compare(result: ScheduleResult, serial: readonly SerialRun[]): string[] {
    const outcome = outcomeOf(result, this.#rules)
    const differences = serial.map((run) => this.#differences(outcome, run))
    return differences.sort((left, right) => left.length - right.length)[0] ?? []
  }

  #differences(outcome: Outcome, { order, outcome: serial }: SerialRun): string[] {
    const names = order.map((command) => this.#race.commands[command]).join(', then ')
    const lines: string[] = []
    for (const [table, rows] of outcome.tables.entries()) {
      const before = serial.tables[table] ?? []
      const name = this.#rules.names[table]?.replace(/^public\./, '')
      for (const row of minus(rows, before)) lines.push(`${name}: ${row}`)
      for (const row of minus(before, rows)) lines.push(`${name}: ${row} with ${names}`)
    }
    for (const [command, reply] of outcome.replies.entries())
      if (serial.replies.length === outcome.replies.length && reply !== serial.replies[command])
        lines.push(
          `${this.#race.commands[command]} answers ${reply}, and ${serial.replies[command]} with ${names}`,
        )
    for (const effect of minus(outcome.effects, serial.effects)) lines.push(`effect ${effect}`)
    for (const effect of minus(serial.effects, outcome.effects))
      lines.push(`no effect ${effect}, which there is with ${names}`)
    return lines
  }

  async #reaching(result: ScheduleResult): Promise<Fault[]> {
    const faults: Fault[] = []
    for (const [command, answer] of result.results.entries()) {
      if (answer?.ok !== false) continue
      const state = sqlstateOf(answer.error)
      const found = REACHES_CALLER.find(([code]) => code === state)
      if (found === undefined || (await this.#oracle.reports(command, found[0]))) continue
      const [, kind, what] = found
      const name = this.#race.commands[command]
      const evidence = [`${name} fails: ${errorText(answer.error)}`]
      faults.push({ class: kind, message: `${what} reaches the caller of ${name}.`, evidence })
    }
    return faults
  }
}

function minus(rows: readonly string[], others: readonly string[]): string[] {
  const left = [...others]
  return rows.filter((row) => {
    const place = left.indexOf(row)
    if (place >= 0) left.splice(place, 1)
    return place < 0
  })
}

function brokenText(breaches: readonly Breach[]): string {
  if (breaches.length === 0) return 'The outcome fits no serial order.'
  const broken = breaches.map(({ invariant }) => `"${invariant}"`).join(' and ')
  return `${broken} ${breaches.length > 1 ? 'do' : 'does'} not hold.`
}

function doubled({ effects }: ScheduleResult): Fault[] {
  const seen = new Set<string>()
  const faults: Fault[] = []
  for (const { kind, effect, command } of effects) {
    const name = `${kind} ${effect.key}`
    if (seen.has(name))
      faults.push({
        class: 'double-effect',
        message: `The effect ${kind} happened twice for ${effect.key}.`,
        evidence: [`${command}: ${kind} ${valueText(effect)}`],
      })
    seen.add(name)
  }
  return faults
}

function inTransaction({ effects }: ScheduleResult): Fault[] {
  return effects
    .filter(({ inTransaction: inside }) => inside)
    .slice(0, 1)
    .map(({ kind, effect, command }) => ({
      class: 'effect-in-transaction' as const,
      message: `${command} calls outside (${kind}) while its transaction holds locks: others wait for the call, and a rollback does not undo it.`,
      evidence: [`${kind} ${valueText(effect)}`],
    }))
}

function selfDeadlock({ selfDeadlock: message }: ScheduleResult): Fault[] {
  return message === undefined ? [] : [{ class: 'self-deadlock', message, evidence: [] }]
}
