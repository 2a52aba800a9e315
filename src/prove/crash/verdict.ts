import type { Fix, RaceServer, TraceStep } from '../verdict.ts'

/** What is wrong with what a crash or a delivery has left. */
export type CrashClass =
  /** There is more than one execution leaves: a second charge, a second row. */
  | 'done-twice'
  /** There is less than one execution leaves. */
  | 'lost'
  /** It is neither more nor less, but not what one execution leaves. */
  | 'not-once'
  /** A rule of the definition does not hold. */
  | 'invariant'
  /** A client that asked again was told something else. */
  | 'other-answer'
  /** However often the client asks again, it gets no answer. */
  | 'no-answer'

/** A crash that breaks a rule, and how it came to that. */
export interface CrashFinding {
  readonly class: CrashClass
  readonly message: string
  /** Undefined: nothing failed, something was only asked or delivered again. */
  readonly fault: { readonly kind: string; readonly at: string; readonly step: number } | undefined
  /** How the messages came, where that alone is enough. */
  readonly deliveries?: string
  /** What differs from one undisturbed execution. */
  readonly evidence: readonly string[]
  readonly trace: readonly TraceStep[]
  /** How often it was run again, each time with the same fault. */
  readonly replayed: number
  /** Names this run: `exploreCrashes(crash, { replay })` runs it again. */
  readonly replay: string
  readonly fixes: readonly Fix[]
}

interface Explored {
  readonly runs: number
  /** Every statement, COMMIT and call of an undisturbed run, in order. */
  readonly boundaries: readonly string[]
  /** Other ways in which the messages may come, within what the broker promises. */
  readonly deliveries: number
  readonly durationMs: number
}

/** At least one crash breaks a rule. */
export interface CrashViolation extends Explored {
  readonly verdict: 'VIOLATION'
  readonly findings: readonly [CrashFinding, ...CrashFinding[]]
}

/** No crash breaks a rule. */
export interface CrashCertified extends Explored {
  readonly verdict: 'CERTIFIED'
}

/** The search has not come to its end. */
export interface CrashInconclusive extends Explored {
  readonly verdict: 'INCONCLUSIVE'
  /** What stood in the way, and what to do. */
  readonly reason: string
}

/** What exploring crashes comes to. */
export type CrashVerdict = CrashViolation | CrashCertified | CrashInconclusive

/** Where crashes are explored, and how far. */
export interface CrashOptions {
  /** A server of yours, on which the explorer makes databases of its own; an embedded one by default. */
  readonly server?: RaceServer
  /** Goes on behind the first violation. */
  readonly keepGoing?: boolean
  readonly budgetMs?: number
  /** So many faults at most, evenly spread over the run: INCONCLUSIVE where that leaves some out. */
  readonly faultsMax?: number
  /**
   * Tries what matters most, for a test that has little time: each kind of transaction when its COMMIT
   * was not answered, and each kind of call to the outside. Those that stand in the set were tried
   * before, in other programs; those that are tried are added. INCONCLUSIVE where nothing is found.
   */
  readonly turningPoints?: Set<string>
  /** Ends the search early and keeps what was found. */
  readonly signal?: AbortSignal
  /** Makes this run alone, as a finding names it. */
  readonly replay?: string
  readonly onProgress?: (progress: CrashProgress) => void
}

/** How far a search has come. */
export interface CrashProgress {
  readonly runs: number
  /** Faults that are known and were not tried yet. */
  readonly waiting: number
}
