/**
 * Every boundary of a program, with every fault that can happen there, one per run: what is there in
 * the end must be what one undisturbed execution leaves.
 */
import { type Clock, systemClock } from '../../base/clock.ts'
import { Arena } from '../arena/arena.ts'
import { Invariants } from '../judge/invariants.ts'
import { type Outcome, outcomeOf } from '../judge/outcome.ts'
import type { RaceServer } from '../verdict.ts'
import { ConnectionShelf } from './connection-shelf.ts'
import type { CrashDefinition } from './crash.ts'
import { type Boundary, type Fault, type FaultKind, faultsAt } from './fault.ts'
import { type CrashRun, CrashRunner } from './run.ts'
import { terminate } from './store.ts'

/** A program of so many boundaries is several programs. */
const RUNS_MAX = 5_000

export interface CrashFinding {
  /** Undefined: no fault was needed, only what was asked or delivered twice. */
  readonly fault:
    | { readonly kind: FaultKind; readonly at: string; readonly step: number }
    | undefined
  /** What differs from one undisturbed execution. */
  readonly evidence: readonly string[]
}

interface Explored {
  readonly runs: number
  readonly boundaries: readonly string[]
  readonly durationMs: number
}

export type CrashVerdict =
  | (Explored & {
      readonly verdict: 'VIOLATION'
      readonly findings: readonly [CrashFinding, ...CrashFinding[]]
    })
  | (Explored & { readonly verdict: 'CERTIFIED' })
  | (Explored & { readonly verdict: 'INCONCLUSIVE'; readonly reason: string })

export interface CrashOptions {
  readonly server: RaceServer
  /** Goes on behind the first violation. */
  readonly keepGoing?: boolean
  readonly clock?: Clock
}

export async function exploreCrashes(
  definition: CrashDefinition,
  options: CrashOptions,
): Promise<CrashVerdict> {
  const arena = await Arena.open(definition, options.server)
  try {
    return await new Explorer(definition, arena, options).explore()
  } finally {
    await arena.close()
  }
}

/** What is there when nothing is left to do. */
interface Seen {
  readonly run: CrashRun
  readonly outcome: Outcome
  readonly broken: readonly string[]
}

const MORE = ' after everything was asked and delivered once more'

class Explorer {
  readonly #definition: CrashDefinition
  readonly #arena: Arena
  readonly #shelf: ConnectionShelf
  readonly #invariants: Invariants
  readonly #keepGoing: boolean
  readonly #clock: Clock
  readonly #startedMs: number
  readonly #findings: CrashFinding[] = []
  #runs = 0
  #boundaries: readonly Boundary[] = []

  constructor(definition: CrashDefinition, arena: Arena, options: CrashOptions) {
    this.#definition = definition
    this.#arena = arena
    this.#invariants = new Invariants(arena.control, definition.invariants ?? {})
    this.#keepGoing = options.keepGoing ?? false
    this.#clock = options.clock ?? systemClock
    this.#startedMs = this.#clock.monotonicMs()
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
    const [one, more] = await this.#run()
    const reason = unfit(one)
    if (reason !== undefined) return reason
    this.#boundaries = more.run.boundaries
    this.#judge(undefined, [one, more], one)
    const faults = this.#boundaries.flatMap((boundary, step) =>
      faultsAt(boundary).map((kind): Fault => ({ step, kind })),
    )
    if (faults.length > RUNS_MAX)
      return `there are ${faults.length} faults to try, and at most ${RUNS_MAX} are: give it less to do`
    for (const fault of faults) {
      if (this.#findings.length > 0 && !this.#keepGoing) return undefined
      const stopped = await this.#try(fault, one)
      if (stopped !== undefined) return stopped
    }
    return undefined
  }

  async #try(fault: Fault, one: Seen): Promise<string | undefined> {
    const seen = await this.#run(fault)
    const { struck, stuck } = seen[1].run
    const expected = this.#boundaries[fault.step]?.label
    if (struck !== expected)
      return `it does not do the same in each run: step ${fault.step} was "${expected}" and then "${struck}"`
    if (stuck !== undefined) return stuckReason(stuck)
    this.#judge(fault, seen, one)
    return undefined
  }

  /** As it is when all is done, and when everything was asked and delivered once more. */
  async #run(fault?: Fault): Promise<[Seen, Seen]> {
    await this.#arena.reset(await this.#arena.contents())
    const run = new CrashRunner(this.#definition, this.#shelf, fault)
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
      { seed, names, ignore: this.#definition.ignore ?? [] },
    )
    const breaches = await this.#invariants.askAll()
    const broken = breaches.map(({ invariant, evidence }) => `${invariant}: ${evidence.join(', ')}`)
    return { run, outcome, broken }
  }

  #judge(fault: Fault | undefined, [done, more]: readonly [Seen, Seen], one: Seen): void {
    const early = [...done.broken, ...this.#differences(done, one)]
    const late = [...more.broken, ...this.#differences(more, one)].map((text) => `${text},${MORE}`)
    const evidence = early.length > 0 ? early : late
    if (evidence.length === 0) return
    const at = fault && (this.#boundaries[fault.step]?.label ?? '')
    this.#findings.push({
      fault: fault && at !== undefined ? { kind: fault.kind, at, step: fault.step } : undefined,
      evidence,
    })
  }

  #differences({ run, outcome }: Seen, one: Seen): string[] {
    const answers = outcome.replies.filter((reply) => reply !== one.outcome.replies[0])
    const missing = this.#definition.boot().request && run.answers.includes(undefined)
    return [
      ...(missing ? ['the client never gets an answer'] : []),
      ...answers.map((reply) => `the answer is ${reply}, and was ${one.outcome.replies[0]}`),
      ...apart('outside', outcome.effects, one.outcome.effects),
      ...this.#arena.names.flatMap((name, index) =>
        apart(name, outcome.tables[index] ?? [], one.outcome.tables[index] ?? []),
      ),
    ]
  }

  #verdict(reason: string | undefined): CrashVerdict {
    const explored: Explored = {
      runs: this.#runs,
      boundaries: this.#boundaries.map(({ label }) => label),
      durationMs: this.#clock.monotonicMs() - this.#startedMs,
    }
    const [first, ...others] = this.#findings
    if (first !== undefined)
      return { ...explored, verdict: 'VIOLATION', findings: [first, ...others] }
    if (reason !== undefined) return { ...explored, verdict: 'INCONCLUSIVE', reason }
    return { ...explored, verdict: 'CERTIFIED' }
  }
}

function unfit({ run, broken }: Seen): string | undefined {
  if (run.stuck !== undefined) return stuckReason(run.stuck)
  if (broken.length > 0) return `it breaks its own rules without any fault: ${broken.join('; ')}`
  return undefined
}

function stuckReason(name: string): string {
  return `${name} waits for something that is neither the database nor the world that it was given`
}

/** What is there and was not, and the other way round; duplicates count. */
function apart(name: string, now: readonly string[], once: readonly string[]): string[] {
  const beyond = (left: readonly string[], right: readonly string[]) => {
    const others = [...right]
    return left.filter((text) => {
      const at = others.indexOf(text)
      if (at >= 0) others.splice(at, 1)
      return at < 0
    })
  }
  return [
    ...beyond(now, once).map((text) => `${name} has ${text}, and should not`),
    ...beyond(once, now).map((text) => `${name} lacks ${text}`),
  ]
}
