/**
 * Which schedules are run: a stateless search with sleep sets, fewest preemptions first.
 *
 * Terms. A branch is the beginning of a schedule, as the commands that go, and the sleepers there:
 * commands whose next message has been tried from that state, with what it touched. A sleeper wakes
 * when somebody goes whose message does not commute with its own; until then, to let it go would
 * only lead to what has been seen. A schedule whose every command sleeps is pruned.
 *
 * When a branch goes its own way, the ways that it did not take become one branch more, in which the
 * taken one sleeps. All branches are run in the end, in any order, so the reduction loses nothing
 * (Godefroid, 1996); fewest preemptions first finds short counterexamples early.
 *
 * With a bound on preemptions or exhaustive nobody sleeps: a schedule within the bound may be
 * equivalent only to schedules beyond it.
 */
import { dependent, type Footprint, type Surroundings } from './footprint/footprint.ts'
import type { Chooser, Ready } from './run/schedule.ts'

interface Branch {
  readonly choices: readonly Choice[]
  readonly sleepers: ReadonlyMap<number, Footprint>
  readonly preemptions: number
}

interface Choice {
  readonly session: number
  readonly sql: string
}

export interface SearchOptions extends Surroundings {
  readonly reduce: boolean
  readonly preemptionsMax: number
}

/** A command did not do at the same point what it had done before. */
export interface Divergence {
  readonly expected: string
  readonly found: string
}

export class Search {
  readonly #options: SearchOptions
  /** By number of preemptions. */
  readonly #branches: Branch[][] = [[{ choices: [], sleepers: new Map(), preemptions: 0 }]]

  constructor(options: SearchOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#branches.reduce((sum, { length }) => sum + length, 0)
  }

  /** The next schedule to run; undefined when all have been. */
  next(): SearchRun | undefined {
    const branch = this.#branches.find(({ length }) => length > 0)?.pop()
    return branch && new SearchRun(branch, this.#options, (other) => this.#add(other))
  }

  /** Back among those to be run: it did not run as expected. */
  again({ branch }: SearchRun): void {
    this.#add(branch)
  }

  #add(branch: Branch): void {
    if (branch.preemptions > this.#options.preemptionsMax) return
    while (this.#branches.length <= branch.preemptions) this.#branches.push([])
    this.#branches[branch.preemptions]?.push(branch)
  }
}

export class SearchRun implements Chooser {
  readonly choices: Choice[] = []
  divergence: Divergence | undefined
  readonly branch: Branch
  readonly #options: SearchOptions
  readonly #add: (branch: Branch) => void
  #sleepers: Map<number, Footprint>
  #preemptions = 0
  #last: number | undefined
  readonly #found: Branch[] = []

  constructor(branch: Branch, options: SearchOptions, add: (branch: Branch) => void) {
    this.branch = branch
    this.#options = options
    this.#add = add
    this.#sleepers = new Map()
  }

  choose(ready: readonly Ready[], last: number | undefined): number | undefined {
    const given = this.branch.choices[this.choices.length]
    if (given !== undefined) return this.#again(given, ready)
    if (this.choices.length === this.branch.choices.length)
      this.#sleepers = new Map(this.branch.sleepers)
    return this.#preferred(ready, last, this.#sleepers)
  }

  went(session: number, footprint: Footprint, ready: readonly Ready[]): void {
    const sql = ready.find((other) => other.session === session)?.sql ?? ''
    if (this.choices.length >= this.branch.choices.length)
      this.#leaveOthers(session, footprint, ready)
    this.#preemptions += preempts(session, ready, this.#last)
    this.choices.push({ session, sql })
    this.#last = session
  }

  /** The branches that it left stand only when it ran as expected. */
  settle(): void {
    for (const branch of this.#found) this.#add(branch)
  }

  #again(given: Choice, ready: readonly Ready[]): number | undefined {
    const found = ready.find(({ session }) => session === given.session)
    if (found?.sql === given.sql) return given.session
    this.divergence = { expected: given.sql, found: found?.sql ?? 'nothing' }
    return undefined
  }

  /** Who went last goes on; else the first that is awake. */
  #preferred(
    ready: readonly Ready[],
    last: number | undefined,
    sleepers: ReadonlyMap<number, Footprint>,
  ): number | undefined {
    const awake = ready.map(({ session }) => session).filter((session) => !sleepers.has(session))
    return awake.find((session) => session === last) ?? awake[0]
  }

  #leaveOthers(session: number, footprint: Footprint, ready: readonly Ready[]): void {
    const sleepers = new Map(this.#sleepers).set(session, footprint)
    const other = this.#preferred(ready, this.#last, sleepers)
    if (other !== undefined) {
      const preemptions = this.#preemptions + preempts(other, ready, this.#last)
      this.#found.push({ choices: [...this.choices], sleepers, preemptions })
    }
    const { reduce } = this.#options
    for (const [sleeper, itsFootprint] of this.#sleepers)
      if (!reduce || dependent(itsFootprint, footprint, this.#options))
        this.#sleepers.delete(sleeper)
  }
}

function preempts(session: number, ready: readonly Ready[], last: number | undefined): 0 | 1 {
  return last !== undefined && session !== last && ready.some((other) => other.session === last)
    ? 1
    : 0
}

/** Runs the commands one after another, in this order. */
export function serially(order: readonly number[]): Chooser {
  return {
    choose: (ready) => order.find((wanted) => ready.some(({ session }) => session === wanted)),
    went: () => {},
  }
}

/** Runs a schedule that is known, then whoever can go. */
export function following(choices: readonly number[]): Chooser {
  let at = 0
  return {
    choose(ready, last) {
      const wanted = choices[at++]
      const able = ready.map(({ session }) => session)
      if (wanted !== undefined && able.includes(wanted)) return wanted
      return able.find((session) => session === last) ?? able[0]
    },
    went: () => {},
  }
}
