/** What is asked of the pairs of an app, and what comes of each. */
import type { ScenarioCall } from '../app/scenario.ts'
import type { RaceSetup } from '../race.ts'
import type { ExploreOptions, Verdict } from '../verdict.ts'

/** How the pairs of an app are explored. */
export interface ExplorePairsOptions
  extends Pick<ExploreOptions, 'server' | 'budgetMs' | 'signal' | 'keepGoing' | 'onProgress'> {
  /** Of the draw: the same number draws the same inputs. Default 1. */
  readonly seed?: number
  /** The name of a pair, or of a command whose pairs are wanted. */
  readonly only?: string
  /** More schedules than this end the search of one pair: INCONCLUSIVE. */
  readonly schedulesMax?: number
  /** Called with each pair once it is decided. */
  readonly onPair?: (pair: ExploredPair) => void
}

/** A pair and what came of it; or a command for which no input was found. */
export interface ExploredPair {
  readonly name: string
  /** The commands that race: one, where it is with itself. */
  readonly operations: readonly string[]
  /** What they were called with, as `run` of a scenario; empty where no input was found. */
  readonly run: Readonly<Record<string, ScenarioCall>>
  /** The rows that were there: of a violation those that it needs. */
  readonly seed: RaceSetup
  readonly verdict: Verdict
}

/** The number that inputs are drawn by, unless another is given. */
export const DRAW_SEED = 1
