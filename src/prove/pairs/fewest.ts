/** A finding with as little as it needs: smaller inputs and fewer rows, as long as it comes again. */
import { isFault } from '../../base/fault.ts'
import { parseWith } from '../../base/schema.ts'
import type { Registry } from '../../operation/registered.ts'
import type { ScenarioCall } from '../app/scenario.ts'
import { smallerInputs } from '../draw/other-inputs.ts'
import { exploreRace } from '../explore-race.ts'
import { fewestRows } from '../fewest-rows.ts'
import type { RaceSetup } from '../race.ts'
import type { ExploreOptions, Finding, Violation } from '../verdict.ts'
import { raceOf } from './ground.ts'
import type { Pairs } from './pairs.ts'
import { type SeedRowOf, seedText } from './seed-text.ts'

/** Each is a dozen schedules: some ten seconds in all. */
const INPUT_TRIES_MAX = 40

type Run = Readonly<Record<string, ScenarioCall>>

export interface Least {
  readonly run: Run
  readonly seed: RaceSetup
  readonly verdict: Violation
}

export interface FewestOptions {
  readonly pairs: Pairs
  readonly registry: Registry
  /** Of the seed as it is, rows that others refer to first; undefined where it is a program. */
  readonly rows: readonly SeedRowOf[] | undefined
  readonly explore: Pick<ExploreOptions, 'server' | 'arenas' | 'signal'>
}

export async function fewest(least: Least, options: FewestOptions): Promise<Least> {
  const smaller = await new Fewest(options).inputs(least)
  const { rows } = options
  if (rows === undefined) return smaller
  return new Fewest(options).rows(smaller, rows)
}

class Fewest {
  readonly #options: FewestOptions

  constructor(options: FewestOptions) {
    this.#options = options
  }

  async inputs(least: Least): Promise<Least> {
    let kept = least
    let tries = 0
    for (let found = true; found; ) {
      found = false
      for (const run of this.#smallerRuns(kept.run)) {
        if (tries++ >= INPUT_TRIES_MAX || this.#options.explore.signal?.aborted) return kept
        const verdict = await this.#again(run, kept.seed, kept.verdict.findings[0])
        if (verdict === undefined) continue
        kept = { ...kept, run, verdict }
        found = true
        break
      }
    }
    return kept
  }

  /** Where both ask for the same, both ask for less. */
  #smallerRuns(run: Run): Run[] {
    const texts = Object.values(run).map(({ input }) => JSON.stringify(input))
    const [first] = Object.values(run)
    if (first !== undefined && new Set(texts).size === 1)
      return smallerInputs(first.input).map((input) => withInputs(run, Object.keys(run), input))
    return Object.entries(run).flatMap(([name, { input }]) =>
      smallerInputs(input).map((less) => withInputs(run, [name], less)),
    )
  }

  async rows(least: Least, rows: readonly SeedRowOf[]): Promise<Least> {
    const { signal, server } = this.#options.explore
    let kept = least
    await fewestRows(rows, async (fewer) => {
      if (signal?.aborted) return false
      const seed = seedText(fewer)
      const [finding] = kept.verdict.findings
      const verdict = await this.#again(kept.run, seed, finding, { ...(server && { server }) })
      if (verdict === undefined) return false
      kept = { ...kept, seed, verdict }
      return true
    })
    return kept
  }

  /** The same schedule breaks the same. */
  async #again(
    run: Run,
    seed: RaceSetup,
    finding: Finding,
    explore: FewestOptions['explore'] = this.#options.explore,
  ): Promise<Violation | undefined> {
    if (!(await this.#parse(run))) return undefined
    try {
      const race = raceOf(this.#options.pairs, seed, run)
      const verdict = await exploreRace(race, { ...explore, replay: finding.replay })
      return verdict.verdict === 'VIOLATION' && isSame(verdict.findings[0], finding)
        ? verdict
        : undefined
    } catch (error) {
      // A row that others refer to cannot be left out.
      if (isFault(error, 'HF_PROVE_SETUP')) return undefined
      throw error
    }
  }

  async #parse(run: Run): Promise<boolean> {
    for (const { operation, input } of Object.values(run)) {
      const contract = this.#options.registry.operations.get(operation.name)?.contract
      if (contract !== undefined && !(await parseWith(contract.input, input)).ok) return false
    }
    return true
  }
}

function isSame(one: Finding, other: Finding): boolean {
  return one.class === other.class && one.scope === other.scope
}

function withInputs(run: Run, names: readonly string[], input: unknown): Run {
  const changed = names.map((name) => [name, { ...(run[name] as ScenarioCall), input }])
  return { ...run, ...Object.fromEntries(changed) }
}
