/**
 * Explores a race: the seed and all serial orders first, then every schedule that matters, until one
 * breaks a rule. The one place that may say CERTIFIED.
 */
import { systemClock } from '../base/clock.ts'
import { Arena } from './arena/arena.ts'
import { fewestRows } from './fewest-rows.ts'
import { Statements } from './footprint/statements.ts'
import { type Breach, Invariants } from './judge/invariants.ts'
import { type Fault, Judge } from './judge/judge.ts'
import { type OutcomeRules, outcomeOf } from './judge/outcome.ts'
import { SerialOracle } from './judge/serial-oracle.ts'
import { vacuousReason } from './judge/vacuous.ts'
import type { Race } from './race.ts'
import { makeFinding } from './report/make-finding.ts'
import { freeze, watchFiles } from './run/frozen.ts'
import { type Chooser, runSchedule, type ScheduleResult } from './run/schedule.ts'
import { following, Search, type SearchRun, serially } from './search.ts'
import { embeddedServer } from './server.ts'
import type { ExploreOptions, Finding, Verdict } from './verdict.ts'

/** At 40 schedules a second some two minutes. */
const SCHEDULES_MAX = 5_000
/** A finding that does not come each time is none. */
const REPLAYS = 3
/** A schedule that runs otherwise than before is tried again: a deadlock may have had another victim. */
const DIVERGENCES_MAX = 3

/**
 * Runs a race under every interleaving that matters, until one breaks a rule. Throws HF_PROVE_SETUP
 * and HF_PROVE_PRIVILEGE.
 */
export async function exploreRace(race: Race, options: ExploreOptions = {}): Promise<Verdict> {
  const { arenas } = options
  const open = async () => Arena.open(race, options.server ?? (await embeddedServer()))
  const arena = await (arenas?.open(race) ?? open())
  const frozen = freeze()
  try {
    return await exploreIn(
      { race, arena, statements: await Statements.read(arena.control) },
      options,
    )
  } finally {
    frozen[Symbol.dispose]()
    if (arenas === undefined) await arena.close()
  }
}

/** What is raced, and where. */
interface Ground {
  readonly race: Race
  readonly arena: Arena
  readonly statements: Statements
}

async function exploreIn(ground: Ground, options: ExploreOptions): Promise<Verdict> {
  const verdict = await new Exploration(ground, options).run()
  if (verdict.verdict !== 'VIOLATION' || options.fewestRows !== true) return verdict
  const { seedRows } = ground.arena
  const [first, ...others] = verdict.findings
  const needed = await fewestRows(seedRows, async (rows) => {
    if (options.signal?.aborted) return false
    const left = seedRows.filter((row) => !rows.includes(row))
    const again = (arena: Arena) => comesAgain({ ...ground, arena }, first)
    return (await ground.arena.without(left, again)) === true
  })
  if (needed.length === seedRows.length) return verdict
  const shown = needed.map(({ table, row }) => `${table.name}: ${row}`)
  return { ...verdict, findings: [{ ...first, seedRows: shown }, ...others] }
}

/** The same schedule on another seed breaks the same. */
async function comesAgain(ground: Ground, finding: Finding): Promise<boolean> {
  const verdict = await new Exploration(ground, { replay: finding.replay }).run()
  if (verdict.verdict !== 'VIOLATION') return false
  const [{ class: kind, message }] = verdict.findings
  return kind === finding.class && message === finding.message
}

interface Broken {
  readonly faults: readonly Fault[]
  readonly choices: readonly number[]
}

class Exploration {
  readonly #race: Race
  readonly #options: ExploreOptions
  readonly #arena: Arena
  readonly #statements: Statements
  readonly #invariants: Invariants
  readonly #rules: OutcomeRules
  readonly #oracle: SerialOracle
  readonly #judge: Judge
  readonly #outcomes = new Set<string>()
  readonly #broken = new Map<string, Broken>()
  readonly #startMs = systemClock.monotonicMs()
  #schedules = 0
  #pruned = 0
  #divergences = 0
  /** A command has had more than one connection. */
  #crowded = false

  constructor({ race, arena, statements }: Ground, options: ExploreOptions) {
    this.#race = race
    this.#options = options
    this.#arena = arena
    this.#statements = statements
    this.#invariants = new Invariants(arena.control, race.invariants ?? {})
    this.#rules = { seed: arena.seed, names: arena.names, ignore: race.ignore ?? [] }
    this.#oracle = new SerialOracle((order) => this.#serial(order), this.#rules)
    this.#judge = new Judge(race, this.#oracle, this.#rules, statements)
  }

  async run(): Promise<Verdict> {
    const [breach] = await this.#invariants.askAll()
    if (breach !== undefined)
      return this.#inconclusive(
        `The seed breaks the invariant "${breach.invariant}": ${breach.evidence[0]}. Correct one of them.`,
      )
    const obstacle = await this.#record()
    if (obstacle !== undefined) return this.#inconclusive(obstacle)
    // Of the search alone: what the reduction is compared by.
    this.#outcomes.clear()
    const { replay } = this.#options
    const ended = replay === undefined ? await this.#search() : await this.#again(replay)
    return this.#conclude(ended)
  }

  get #all(): number[] {
    return this.#race.commands.map((_, index) => index)
  }

  /** Every serial order, the first one twice: what differs then would differ in every schedule. */
  async #record(): Promise<string | undefined> {
    using _files = watchFiles()
    const runs = await this.#oracle.runs(this.#all)
    for (const { result, order } of runs) {
      const complaint = result.complaint ?? this.#vacuous(result, order[0] as number)
      if (complaint !== undefined) return complaint
      this.#learn(result)
      await this.#note(
        result,
        order.flatMap((command) => Array(result.steps.length).fill(command)),
      )
    }
    const [first] = runs
    if (first === undefined) return undefined
    const again = await this.#serial(first.order)
    return this.#difference(first.result, again)
  }

  #vacuous({ steps, results }: ScheduleResult, first: number): string | undefined {
    const sent = steps.filter(({ session }) => session === first)
    return vacuousReason(this.#race.commands[first] as string, sent, results[first])
  }

  #difference(one: ScheduleResult, other: ScheduleResult): string | undefined {
    const place = one.steps.findIndex((step, at) => step.sql !== other.steps[at]?.sql)
    if (place >= 0 || one.steps.length !== other.steps.length)
      return (
        `Two equal runs sent different statements: ${one.steps[place]?.sql ?? 'none'} and ${other.steps[place]?.sql ?? 'none'}. ` +
        'Something besides the database decides (a module variable, a file, an unseeded generator): hand it in.'
      )
    const [left, right] = [outcomeOf(one, this.#rules), outcomeOf(other, this.#rules)]
    if (left.digest === right.digest) return undefined
    const tables = left.tables.flatMap((rows, table) =>
      rows.join() === right.tables[table]?.join() ? [] : [this.#rules.names[table]],
    )
    return (
      `Two equal runs had different outcomes, in ${tables.join(', ') || 'their replies'}. ` +
      'Name the columns that the server fills at random in `ignore`.'
    )
  }

  #serial(order: readonly number[]): Promise<ScheduleResult> {
    return this.#run(serially(order), { commands: [...order].sort(), traced: true })
  }

  async #run(
    chooser: Chooser,
    how: { commands?: readonly number[]; traced?: boolean; breaches?: Breach[] } = {},
  ): Promise<ScheduleResult> {
    const result = await runSchedule({
      arena: this.#arena,
      statements: this.#statements,
      race: this.#race,
      chooser,
      commands: how.commands ?? this.#all,
      traced: how.traced ?? false,
      exhaustive: this.#options.exhaustive ?? false,
      onPublished: async () => {
        how.breaches?.push(...(await this.#invariants.ask()))
      },
    })
    if (result.complete && result.complaint === undefined)
      how.breaches?.push(...(await this.#invariants.askAll()))
    await this.#arena.reset(result.contents)
    return result
  }

  /** Undefined when every schedule has run; else why not. */
  async #search(): Promise<string | undefined> {
    let search = this.#newSearch()
    const schedulesMax = this.#race.schedulesMax ?? SCHEDULES_MAX
    for (let run = search.next(); run !== undefined; run = search.next()) {
      const stop = this.#stop(schedulesMax, search.waiting)
      if (stop !== undefined) return stop
      const breaches: Breach[] = []
      const result = await this.#run(run, { breaches })
      if (result.complaint !== undefined) return this.#located(run, result.complaint)
      if (run.divergence !== undefined) {
        const complaint = this.#diverged(run)
        if (complaint !== undefined) return complaint
        search.again(run)
        continue
      }
      this.#divergences = 0
      run.settle()
      // What was taken to commute may not: nothing that was pruned counts.
      if (this.#learn(result) && this.#options.exhaustive !== true) search = this.#newSearch()
      if (!result.complete) this.#pruned += 1
      else
        await this.#note(
          result,
          run.choices.map(({ session }) => session),
          breaches,
        )
      if (this.#broken.size > 0 && this.#options.keepGoing !== true) return undefined
      this.#tell(search)
    }
    return undefined
  }

  /** The complaint again, with the place in the user's code. */
  async #located({ choices }: SearchRun, complaint: string): Promise<string> {
    const order = choices.map(({ session }) => session)
    const result = await this.#run(following(order), { traced: true })
    return result.complaint ?? complaint
  }

  #newSearch(): Search {
    const preemptionsMax = this.#race.preemptionsMax ?? Number.POSITIVE_INFINITY
    return new Search({
      reduce: this.#options.exhaustive !== true && this.#race.preemptionsMax === undefined,
      preemptionsMax,
      watched: this.#invariants.watched,
      pair: this.#all.length === 2 && !this.#crowded,
    })
  }

  #stop(schedulesMax: number, waiting: number): string | undefined {
    const { budgetMs, signal } = this.#options
    const left = `${this.#schedules} schedules ran, at least ${waiting + 1} are left`
    if (signal?.aborted) return `Interrupted: ${left}.`
    if (budgetMs !== undefined && systemClock.monotonicMs() - this.#startMs > budgetMs)
      return `The budget of ${budgetMs} ms is used up: ${left}. Raise it, or bound the search with preemptionsMax: 2.`
    if (this.#schedules < schedulesMax) return undefined
    return `${left}, and schedulesMax is ${schedulesMax}. Raise it, or bound the search with preemptionsMax: 2.`
  }

  #diverged({ divergence }: SearchRun): string | undefined {
    this.#divergences += 1
    if (this.#divergences <= DIVERGENCES_MAX) return undefined
    return (
      `The same schedule ran differently: ${divergence?.found} was sent instead of ${divergence?.expected}. ` +
      'Something besides the database decides (a module variable, an unseeded generator): hand it in.'
    )
  }

  #learn({ distrusted, crowded }: ScheduleResult): boolean {
    const isNews = crowded && !this.#crowded
    this.#crowded ||= crowded
    return this.#statements.learn(distrusted) || isNews
  }

  #tell(search: Search): void {
    this.#options.onProgress?.({
      schedules: this.#schedules,
      pruned: this.#pruned,
      waiting: search.waiting,
    })
  }

  async #note(
    result: ScheduleResult,
    choices: readonly number[],
    breaches: readonly Breach[] = [],
  ): Promise<void> {
    this.#schedules += 1
    this.#outcomes.add(outcomeOf(result, this.#rules).digest)
    const faults = await this.#judge.judge(result, unique(breaches))
    const key = faults.map((fault) => fault.class).join()
    if (faults.length > 0 && !this.#broken.has(key)) this.#broken.set(key, { faults, choices })
  }

  async #again(replay: string): Promise<string | undefined> {
    const choices = [...replay].map(Number)
    const breaches: Breach[] = []
    const result = await this.#run(following(choices), { breaches })
    if (result.complaint !== undefined) return result.complaint
    await this.#note(result, choices, breaches)
    return 'One schedule was replayed, and it breaks nothing.'
  }

  async #conclude(ended: string | undefined): Promise<Verdict> {
    const findings: Finding[] = []
    for (const broken of this.#broken.values()) findings.push(...(await this.#show(broken)))
    const [first, ...rest] = findings
    if (first !== undefined)
      return { ...this.#explored(), verdict: 'VIOLATION', findings: [first, ...rest] }
    if (this.#broken.size > 0)
      return this.#inconclusive(
        `A violation was seen and did not come again in ${REPLAYS} replays: ${firstMessage(this.#broken)} Something besides the database decides.`,
      )
    if (ended !== undefined) return this.#inconclusive(ended)
    const preemptions = this.#race.preemptionsMax ?? 'all'
    return { ...this.#explored(), verdict: 'CERTIFIED', preemptions, inconclusive: 0 }
  }

  /** Runs it with as few commands as show the same, and the last time with everything written down. */
  async #show({ faults, choices }: Broken): Promise<Finding[]> {
    const [worst] = faults
    if (worst === undefined) return []
    const commands = await this.#fewest(worst, choices)
    const kept = choices.filter((command) => commands.includes(command))
    for (let replay = 1; replay <= REPLAYS; replay++) {
      const shown = await this.#replay(kept, commands, replay === REPLAYS)
      const found = shown.faults.filter((fault) => isAmong(fault, faults))
      if (!found.some((fault) => fault.class === worst.class)) return []
      if (replay < REPLAYS) continue
      const { result } = shown
      const made = { race: this.#race, statements: this.#statements, result, replayed: REPLAYS }
      return found.map((fault) => makeFinding({ ...made, fault, choices: kept }))
    }
    return []
  }

  async #replay(choices: readonly number[], commands: readonly number[], traced: boolean) {
    const breaches: Breach[] = []
    const result = await this.#run(following(choices), { traced, breaches, commands })
    return { result, faults: await this.#judge.judge(result, unique(breaches)) }
  }

  /** Two of three commands, where they alone break the same. */
  async #fewest(worst: Fault, choices: readonly number[]): Promise<readonly number[]> {
    if (this.#all.length === 2) return this.#all
    for (const left of this.#all) {
      const pair = this.#all.filter((command) => command !== left)
      const kept = choices.filter((command) => command !== left)
      const { faults } = await this.#replay(kept, pair, false)
      if (isAmong(worst, faults)) return pair
    }
    return this.#all
  }

  #inconclusive(reason: string): Verdict {
    return { ...this.#explored(), verdict: 'INCONCLUSIVE', reason }
  }

  #explored() {
    return {
      commands: this.#race.commands,
      schedules: this.#schedules,
      pruned: this.#pruned,
      outcomes: [...this.#outcomes].sort(),
      durationMs: Math.round(systemClock.monotonicMs() - this.#startMs),
    }
  }
}

function isAmong(fault: Fault, faults: readonly Fault[]): boolean {
  return faults.some((other) => other.class === fault.class)
}

function firstMessage(broken: ReadonlyMap<string, Broken>): string {
  return [...broken.values()][0]?.faults[0]?.message ?? ''
}

function unique(breaches: readonly Breach[]): Breach[] {
  const byName = new Map(breaches.map((breach) => [breach.invariant, breach]))
  return [...byName.values()]
}
