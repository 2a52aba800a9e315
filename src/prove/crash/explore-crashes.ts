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
import { type Boundary, type Fault, faultsAt } from './fault.ts'
import { classOf, type Difference, differences, type Seen } from './judge.ts'
import { makeFinding } from './make-finding.ts'
import { faultOf } from './replay.ts'
import { type CrashRun, CrashRunner } from './run.ts'
import { terminate } from './store.ts'
import type { CrashFinding, CrashOptions, CrashVerdict } from './verdict.ts'

/** A program of so many boundaries is several programs. */
const RUNS_MAX = 5_000
/** A finding that does not come each time is none. */
const REPLAYS = 3

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
  #runs = 0
  #boundaries: readonly Boundary[] = []

  constructor(crash: Crash, arena: Arena, options: CrashOptions) {
    this.#crash = crash
    this.#arena = arena
    this.#options = options
    this.#invariants = new Invariants(arena.control, crash.invariants ?? {})
    this.#shelf = new ConnectionShelf({
      connect: () => arena.connect(),
      terminate: (client) => terminate(arena.control, client),
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
    const ends = await this.#run(undefined)
    const [one, { run }] = ends
    const reason = this.#unfit(one)
    if (reason !== undefined) return reason
    this.#boundaries = run.passages
    const { replay } = this.#options
    const faults = replay === undefined ? this.#faults() : [faultOf(replay)]
    if (faults.length > RUNS_MAX)
      return `There are ${faults.length} faults to try, and at most ${RUNS_MAX} are: give it less to do.`
    for (const [tried, fault] of faults.entries()) {
      const left = faults.length - tried
      const stopped = this.#stop(left) ?? (await this.#try(fault, one))
      if (stopped !== undefined) return stopped
      if (this.#findings.length > 0 && this.#options.keepGoing !== true) return undefined
      this.#options.onProgress?.({ runs: this.#runs, waiting: left - 1 })
    }
    return replay === undefined ? undefined : 'One run was made again, and it breaks nothing.'
  }

  /** What asking and delivering again breaks needs no fault. */
  #faults(): (Fault | undefined)[] {
    return [
      undefined,
      ...this.#boundaries.flatMap((boundary, step) =>
        faultsAt(boundary).map((kind): Fault => ({ step, kind })),
      ),
    ]
  }

  #stop(waiting: number): string | undefined {
    const { budgetMs, signal } = this.#options
    const left = `${this.#runs} runs were made, and ${waiting} faults are left`
    if (signal?.aborted) return `Interrupted: ${left}.`
    if (budgetMs !== undefined && systemClock.monotonicMs() - this.#startMs > budgetMs)
      return `The budget of ${Math.round(budgetMs)} ms is used up: ${left}. Raise it, or give the program less to do.`
    return undefined
  }

  async #try(fault: Fault | undefined, one: Seen): Promise<string | undefined> {
    if (fault && this.#boundaries[fault.step] === undefined)
      return `There is no step ${fault.step}: an undisturbed run has ${this.#boundaries.length}.`
    const ends = await this.#run(fault)
    const { stuck, passages } = ends[1].run
    const diverged = this.#diverged(passages, fault?.step ?? this.#boundaries.length - 1)
    if (diverged !== undefined) return diverged
    if (stuck !== undefined) return stuckReason(stuck)
    const found = this.#judge(ends, one)
    return found && !this.#isKnown(fault, found) ? this.#confirm(fault, found, one) : undefined
  }

  /** Up to the fault, every run does the same. */
  #diverged(passages: readonly Boundary[], last: number): string | undefined {
    for (const [step, { label }] of this.#boundaries.slice(0, last + 1).entries()) {
      const now = passages[step]?.label
      if (now === undefined || shapeOf(now) !== shapeOf(label))
        return (
          `It does not do the same in each run: step ${step} was "${label}" and then "${now ?? 'nothing'}". ` +
          'Something besides the database decides (a module variable, a timer, a random value): make it in boot, or hand it in.'
        )
    }
    return undefined
  }

  /** What several faults at one step break alike is shown once. */
  #isKnown(fault: Fault | undefined, { differences }: Found): boolean {
    const kind = classOf(differences)
    return this.#findings.some(
      (finding) => finding.class === kind && finding.fault?.step === fault?.step,
    )
  }

  /** Runs it again, and the last time with the places in the user's code. */
  async #confirm(fault: Fault | undefined, first: Found, one: Seen): Promise<string | undefined> {
    for (let replay = 1; replay <= REPLAYS; replay++) {
      const traced = replay === REPLAYS
      const found = this.#judge(await this.#run(fault, traced), one)
      if (found === undefined || classOf(found.differences) !== classOf(first.differences))
        return `A violation was seen and did not come again in ${REPLAYS} replays: ${first.differences[0]?.text}. Something besides the database decides.`
      const { run, late } = found
      if (traced)
        this.#findings.push(
          makeFinding({ run, fault, late, found: found.differences, replayed: REPLAYS }),
        )
    }
    return undefined
  }

  async #run(fault: Fault | undefined, traced = false): Promise<Ends> {
    await this.#arena.reset(await this.#arena.contents())
    const run = new CrashRunner(this.#crash, this.#shelf, { fault, traced })
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
    const outcome = outcomeOf(
      {
        contents: await this.#arena.contents(),
        commands: run.answers.map((_, index) => index),
        results: run.answers.map((answer) => ({ ok: true, value: answer?.value ?? null })),
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
    const expected = { one, names: this.#arena.names, asks }
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
      durationMs: Math.round(systemClock.monotonicMs() - this.#startMs),
    }
    const [first, ...others] = this.#findings
    if (first !== undefined)
      return { ...explored, verdict: 'VIOLATION', findings: [first, ...others] }
    if (reason !== undefined) return { ...explored, verdict: 'INCONCLUSIVE', reason }
    return { ...explored, verdict: 'CERTIFIED' }
  }
}

const UUIDS = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** A generated id is another in each run. */
function shapeOf(label: string): string {
  return label.replaceAll(UUIDS, '<id>')
}

function stuckReason(name: string): string {
  return (
    `The ${name.replace(/^the /, '')} waits for something that is neither the database nor the world that it was given. ` +
    'Hand that in as a function which answers at once, and state it with world.effect(...).'
  )
}
