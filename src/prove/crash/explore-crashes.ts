/**
 * Every boundary of a program, with every fault that can happen there, one per run: what is there in
 * the end must be what one undisturbed execution leaves. The one place that may say CERTIFIED of it.
 */
import { systemClock } from '../../base/clock.ts'
import { Arena } from '../arena/arena.ts'
import { Invariants } from '../judge/invariants.ts'
import { errorText, outcomeOf } from '../judge/outcome.ts'
import { embeddedServer } from '../server.ts'
import { ConnectionShelf } from './connection-shelf.ts'
import type { Crash } from './crash.ts'
import { type Boundary, faultsAt } from './fault.ts'
import { classOf, type Difference, differences, type Seen } from './judge.ts'
import { makeFinding } from './make-finding.ts'
import { type Plan, plansFor } from './plan.ts'
import { faultTrial, NOTHING, planTrials, type Trial, trialOf } from './replay.ts'
import { type CrashRun, CrashRunner } from './run.ts'
import { isBlocked, terminate } from './store.ts'
import { turningPoints, withoutIds } from './turning-points.ts'
import type { CrashFinding, CrashOptions, CrashVerdict } from './verdict.ts'

/** At ten runs a second some eight minutes. */
const FAULTS_MAX = 5_000
/** More runs than somebody waits for without looking elsewhere. */
const LONG = 500
/** A reason that begins so means: nothing was found, and not everything was tried. */
export const SAMPLED = 'Sampled'
/** A finding that does not come each time is none. */
const REPLAYS = 3
const ATTEMPTS_MAX = 3
/** Of a violation that is not certain: what is said of one row is often said by others, too. */
const SHOWN_MAX = 3

/**
 * Cuts a program off at every step, starts it again, and looks at what is left. Throws HF_PROVE_SETUP and
 * HF_PROVE_PRIVILEGE.
 */
export async function exploreCrashes(
  crash: Crash,
  options: CrashOptions = {},
): Promise<CrashVerdict> {
  const arena = await Arena.open(crash, options.server ?? (await embeddedServer()))
  try {
    return await new Explorer(crash, arena, options).explore()
  } finally {
    await arena.close()
  }
}

/** When all was done, and when everything was asked and delivered once more. */
type Ends = readonly [done: Seen, more: Seen]

interface Found {
  readonly run: CrashRun
  readonly late: boolean
  readonly differences: readonly Difference[]
}

class Explorer {
  readonly #crash: Crash
  readonly #options: CrashOptions
  readonly #arena: Arena
  readonly #shelf: ConnectionShelf
  readonly #invariants: Invariants
  readonly #startMs = systemClock.monotonicMs()
  readonly #findings: CrashFinding[] = []
  readonly #plans: readonly Plan[]
  #runs = 0
  #boundaries: readonly Boundary[] = []

  constructor(crash: Crash, arena: Arena, options: CrashOptions) {
    this.#crash = crash
    this.#arena = arena
    this.#options = options
    this.#plans = plansFor(crash.messages ?? [], crash.deliveries)
    this.#invariants = new Invariants(arena.control, crash.invariants ?? {})
    this.#shelf = new ConnectionShelf({
      connect: () => arena.connect(),
      terminate: (client) => terminate(arena.control, client),
      isBlocked: (client) => isBlocked(arena.control, client),
    })
  }

  async explore(): Promise<CrashVerdict> {
    try {
      const reason = await this.#search()
      return this.#verdict(reason)
    } finally {
      await this.#shelf.close()
    }
  }

  /** Resolves to what stands in the way of a certificate. */
  async #search(): Promise<string | undefined> {
    const ends = await this.#run(NOTHING)
    const [one, { run }] = ends
    const reason = this.#unfit(one)
    if (reason !== undefined) return reason
    this.#boundaries = run.passages
    const { replay } = this.#options
    const all = replay === undefined ? this.#trials() : [trialOf(replay, this.#plans)]
    const chosen = replay === undefined ? this.#chosen(all) : all
    const isAsked = (step: number) => run.parts[run.passages[step]?.part ?? 0]?.asked === true
    const trials = sampledTrials(chosen, isAsked, this.#options.faultsMax ?? FAULTS_MAX)
    for (const [tried, trial] of trials.entries()) {
      const left = trials.length - tried
      const stopped = this.#stop(left) ?? (await this.#try(trial, one))
      if (stopped !== undefined) return stopped
      if (this.#findings.length > 0 && this.#options.keepGoing !== true) return undefined
      this.#options.onProgress?.({ runs: this.#runs, waiting: left - 1 })
    }
    if (replay !== undefined) return 'One run was made again, and it breaks nothing.'
    if (trials.length === all.length) return undefined
    const [spread, more] = this.#spread()
    return `${SAMPLED}: ${trials.length} of ${all.length} faults and deliveries were tried, ${spread}, and none breaks it. ${more} for all of them.`
  }

  /** What asking and delivering again breaks needs no fault. */
  #trials(): Trial[] {
    return [
      NOTHING,
      ...planTrials(this.#plans),
      ...this.#boundaries.flatMap((boundary, step) =>
        faultsAt(boundary).map((kind) => faultTrial({ step, kind })),
      ),
    ]
  }

  #chosen(all: readonly Trial[]): readonly Trial[] {
    const { turningPoints: tried } = this.#options
    if (tried === undefined) return all.length > LONG ? this.#mattersFirst(all) : all
    return [NOTHING, ...planTrials(this.#plans), ...turningPoints(this.#boundaries, tried)]
  }

  /** Whoever waits for minutes, or has only one, is shown first what is found most often. */
  #mattersFirst(all: readonly Trial[]): readonly Trial[] {
    const first = turningPoints(this.#boundaries, new Set())
    const names = new Set(first.map(({ name }) => name))
    const [withoutFault, faults] = [
      all.filter(({ fault }) => fault === undefined),
      all.filter(({ fault, name }) => fault !== undefined && !names.has(name)),
    ]
    return [...withoutFault, ...first, ...faults]
  }

  /** How those that were tried were chosen, and what to do to have all. */
  #spread(): readonly [string, string] {
    return this.#options.turningPoints === undefined
      ? ['evenly spread', 'Raise faultsMax']
      : ['at COMMITs and calls that were not tried before', 'Leave turningPoints out']
  }

  #stop(waiting: number): string | undefined {
    const { budgetMs, signal } = this.#options
    const left = `${this.#runs} runs were made, and ${waiting} faults are left`
    if (signal?.aborted) return `Interrupted: ${left}.`
    if (budgetMs !== undefined && systemClock.monotonicMs() - this.#startMs > budgetMs)
      return `The budget of ${Math.round(budgetMs)} ms is used up: ${left}. Raise it, or give the program less to do.`
    return undefined
  }

  async #try(trial: Trial, one: Seen): Promise<string | undefined> {
    const { fault } = trial
    if (fault && this.#boundaries[fault.step] === undefined)
      return `There is no step ${fault.step}: an undisturbed run has ${this.#boundaries.length}.`
    const ends = await this.#runAlike(trial)
    if (typeof ends === 'string') return ends
    const { stuck } = ends[1].run
    if (stuck !== undefined) return stuckReason(stuck)
    const found = this.#judge(ends, one)
    return found && !this.#isKnown(trial, found) ? this.#confirm(trial, found, one) : undefined
  }

  /** Tried again where it differs: what runs side by side is not always as fast. */
  async #runAlike(trial: Trial): Promise<Ends | string> {
    const { fault, plan } = trial
    const last = fault?.step ?? this.#boundaries.length - 1
    for (let attempt = 1; ; attempt++) {
      const ends = await this.#run(trial)
      const diverged = plan === undefined && this.#diverged(ends[1].run.passages, last)
      if (!diverged || ends[1].run.stuck !== undefined) return ends
      if (attempt === ATTEMPTS_MAX) return diverged
    }
  }

  /** Up to the fault, every run does the same. */
  #diverged(passages: readonly Boundary[], last: number): string | undefined {
    for (const [step, { label }] of this.#boundaries.slice(0, last + 1).entries()) {
      const now = passages[step]?.label
      if (now === undefined || withoutIds(now) !== withoutIds(label))
        return (
          `It does not do the same in each run: step ${step} was "${label}" and then "${now ?? 'nothing'}". ` +
          'Something besides the database decides (a module variable, a timer, a random value): make it in boot, or hand it in.'
        )
    }
    return undefined
  }

  /** What several faults at one step break alike is shown once. */
  #isKnown({ fault, plan }: Trial, { differences }: Found): boolean {
    const kind = classOf(differences)
    return this.#findings.some(
      (finding) =>
        finding.class === kind &&
        finding.fault?.step === fault?.step &&
        finding.deliveries === plan?.said,
    )
  }

  /** Runs it again, and the last time with the places in the user's code. */
  async #confirm(trial: Trial, first: Found, one: Seen): Promise<string | undefined> {
    for (let replay = 1; replay <= REPLAYS; replay++) {
      const traced = replay === REPLAYS
      const found = this.#judge(await this.#run(trial, traced), one)
      if (found === undefined || classOf(found.differences) !== classOf(first.differences))
        return `A violation was seen and did not come again in ${REPLAYS} replays${faultText(trial, first)}: ${textsOf(first)}. Something besides the database decides.`
      const { run, late } = found
      if (traced)
        this.#findings.push(
          makeFinding({ run, trial, late, found: found.differences, replayed: REPLAYS }),
        )
    }
    return undefined
  }

  async #run({ fault, plan }: Trial, traced = false): Promise<Ends> {
    await this.#arena.reset(await this.#arena.contents())
    const run = new CrashRunner(this.#crash, this.#shelf, { fault, plan, traced })
    this.#runs += 1
    try {
      const done = await this.#look(await run.once())
      return [done, await this.#look(await run.again())]
    } finally {
      await run.end()
    }
  }

  async #look(run: CrashRun): Promise<Seen> {
    const { names, seed } = this.#arena
    // Of the last answer alone: ids are known by where they stand, and one that stands in two answers
    // would be another.
    const value = run.answers.at(-1)?.value ?? null
    const outcome = outcomeOf(
      {
        contents: await this.#arena.contents(),
        commands: [0],
        results: [{ ok: true, value }],
        effects: run.effects,
      },
      { seed, names, ignore: this.#crash.ignore ?? [] },
    )
    const breaches = await this.#invariants.askAll()
    const broken = breaches.map(({ invariant, evidence }) => `${invariant}: ${evidence.join(', ')}`)
    return { run, outcome, broken }
  }

  #judge([done, more]: Ends, one: Seen): Found | undefined {
    const asks = one.run.answers[0] !== undefined
    const { sameBytes = false } = this.#crash
    const expected = { one, names: this.#arena.names, asks, sameBytes }
    for (const [seen, late] of [[done, false] as const, [more, true] as const]) {
      const found = differences(seen, expected)
      if (found.length > 0) return { run: seen.run, late, differences: found }
    }
    return undefined
  }

  #unfit({ run, broken }: Seen): string | undefined {
    if (run.stuck !== undefined) return stuckReason(run.stuck)
    if (broken.length > 0)
      return `It breaks its own rules without any fault: ${broken.join('; ')}. Correct one of them.`
    if (run.failure !== undefined && run.answers[0] === undefined)
      return `The request fails without any fault: ${errorText(run.failure)}. Let it return what a client is told.`
    return undefined
  }

  #verdict(reason: string | undefined): CrashVerdict {
    const explored = {
      runs: this.#runs,
      boundaries: this.#boundaries.map(({ label }) => label),
      deliveries: this.#plans.length,
      durationMs: Math.round(systemClock.monotonicMs() - this.#startMs),
    }
    const [first, ...others] = this.#findings
    if (first !== undefined)
      return { ...explored, verdict: 'VIOLATION', findings: [first, ...others] }
    if (reason !== undefined) return { ...explored, verdict: 'INCONCLUSIVE', reason }
    return { ...explored, verdict: 'CERTIFIED' }
  }
}

/** Evenly spread, the same ones each time. */
function sampled<T>(all: readonly T[], max: number): readonly T[] {
  if (all.length <= max) return all
  return Array.from({ length: max }, (_, index) => all[Math.floor((index * all.length) / max)] as T)
}

/** What a client asks for is small beside what loops look for: half of a sample is of it. */
function sampledTrials(
  trials: readonly Trial[],
  isAsked: (step: number) => boolean,
  max: number,
): readonly Trial[] {
  if (trials.length <= max) return trials
  const ofLoops = ({ fault }: Trial) => fault !== undefined && !isAsked(fault.step)
  const others = sampled(trials.filter(ofLoops), Math.floor(max / 2))
  const asked = trials.filter((trial) => !ofLoops(trial))
  return [...sampled(asked, max - others.length), ...others]
}

function faultText({ fault }: Trial, { run: { struck } }: Found): string {
  return fault === undefined ? '' : ` of ${fault.kind} at step ${fault.step} (${struck})`
}

function textsOf({ differences }: Found): string {
  const texts = differences.slice(0, SHOWN_MAX).map(({ text }) => text)
  const more = differences.length - texts.length
  return texts.join('; ') + (more > 0 ? `; and ${more} more` : '')
}

function stuckReason(name: string): string {
  return (
    `The ${name.replace(/^the /, '')} waits for something that is neither the database nor the world that it was given. ` +
    'Hand that in as a function which answers at once, and state it with world.effect(...).'
  )
}
