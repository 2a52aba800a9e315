/**
 * Removes what is past its retention, batch by batch: one long DELETE would hold its snapshot, and
 * with it everybody's dead rows, for as long as it takes.
 */
import type { Clock } from '../base/clock.ts'
import type { Log } from './log.ts'
import { Loop, type LoopSignals } from './loop.ts'

export interface PrunerOptions {
  /** `job-history pruner` */
  readonly name: string
  readonly clock: Clock
  readonly log: Log
  /** Removes at most `rowsMax` rows, in a transaction of its own, and tells how many it removed. */
  readonly prune: (rowsMax: number) => Promise<number>
  readonly intervalMs?: number
  readonly rowsMax?: number
  readonly signals?: LoopSignals
}

/** Retention is counted in hours and days; a minute late harms nobody. */
const INTERVAL_MS = 60_000
/** Some milliseconds of work, and few enough row locks to be in nobody's way. */
const ROWS_MAX = 1_000

export function createPruner(options: PrunerOptions): Loop {
  const rowsMax = options.rowsMax ?? ROWS_MAX
  return new Loop({
    name: options.name,
    clock: options.clock,
    log: options.log,
    intervalMs: options.intervalMs ?? INTERVAL_MS,
    signals: options.signals,
    turn: async () => ((await options.prune(rowsMax)) < rowsMax ? 'idle' : 'again'),
  })
}
