import type { Arenas } from './arena/arenas.ts'
import type { FindingClass } from './race.ts'

/** One message of a command to the server, as it went in the schedule that is shown. */
export interface TraceStep {
  readonly command: string
  readonly sql: string
  readonly values: readonly unknown[]
  /** `file:line` of the user's code that sent it. */
  readonly place: string | undefined
  /** The rows that came back, the count of those written, or the error. */
  readonly answer: string
  /** The commands that this one had to wait for. */
  readonly waitedFor: readonly string[]
  /** Where it waited: the number of the step that let it go, counted from 1. */
  readonly freedBy: number | undefined
  /** What begins with this step: a request, a turn of a loop, a delivery. */
  readonly part?: string
  /** What was made to go wrong here. */
  readonly fault?: string
}

/** A change to the SQL that would mend what was found. */
export interface Fix {
  readonly title: string
  readonly sql: string
}

/** A schedule that breaks a rule, and how it came to that. */
export interface Finding {
  readonly class: FindingClass
  /** The check and the write are not in one transaction: no isolation level can help. */
  readonly scope: boolean
  readonly message: string
  /** What is wrong, in data: the rows of an invariant, the outcome beside the nearest serial one. */
  readonly evidence: readonly string[]
  readonly trace: readonly TraceStep[]
  /** Switches away from a command that could have gone on. */
  readonly preemptions: number
  /** How often it was run again, each time with the same fault. */
  readonly replayed: number
  /** Which command goes at each step: `exploreRace(race, { replay })` runs it again. */
  readonly replay: string
  readonly fixes: readonly Fix[]
  /** Where `fewestRows` was asked for and not all are needed: the rows of the seed that do. */
  readonly seedRows?: readonly string[]
}

interface Explored {
  readonly commands: readonly string[]
  /** Complete schedules that ran. */
  readonly schedules: number
  /** Schedules that were left because an equivalent one had run. */
  readonly pruned: number
  /** Digests of the outcomes of all schedules that ran, in order. */
  readonly outcomes: readonly string[]
  readonly durationMs: number
}

/** At least one schedule breaks a rule. */
export interface Violation extends Explored {
  readonly verdict: 'VIOLATION'
  /** The first is the one with the fewest preemptions. */
  readonly findings: readonly [Finding, ...Finding[]]
}

/** No schedule that matters breaks a rule, within the bound that is named. */
export interface Certified extends Explored {
  readonly verdict: 'CERTIFIED'
  /** The bound on preemptions that it holds for. */
  readonly preemptions: number | 'all'
  readonly inconclusive: 0
}

/** The search has not come to its end. */
export interface Inconclusive extends Explored {
  readonly verdict: 'INCONCLUSIVE'
  /** What stood in the way, where in the user's code, and what to do. */
  readonly reason: string
}

/** What exploring a race comes to. */
export type Verdict = Violation | Certified | Inconclusive

/** Where a race is explored, and how far. */
export interface ExploreOptions {
  /** A server of yours, on which the explorer makes databases of its own; an embedded one by default. */
  readonly server?: RaceServer
  /** Databases that races of one schema and one seed share. */
  readonly arenas?: Arenas
  /** Every schedule, without the reduction: what the reduction is measured against. */
  readonly exhaustive?: boolean
  /** Goes on behind the first violation. */
  readonly keepGoing?: boolean
  /** Looks for the rows of the seed that the first finding needs; takes some seconds more. */
  readonly fewestRows?: boolean
  readonly budgetMs?: number
  /** Ends the search early and keeps what was found. */
  readonly signal?: AbortSignal
  /** Runs this schedule alone. */
  readonly replay?: string
  readonly onProgress?: (progress: Progress) => void
}

/** How far a search has come. */
export interface Progress {
  readonly schedules: number
  readonly pruned: number
  /** Known and not yet run. */
  readonly waiting: number
}

/** How to log in; the databases of both URLs are replaced. */
export interface RaceServer {
  /** Of the role that the commands run as. */
  readonly url: string
  /** Of a role that may create databases and set `session_replication_role` and `deadlock_timeout`. */
  readonly adminUrl: string
  readonly owner: string
}
