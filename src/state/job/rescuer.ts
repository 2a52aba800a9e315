/**
 * Gives the jobs of workers that are gone back to the others: those whose lease has run out, and at
 * once those whose process ran on this machine and does no more. Any process may run one, and several
 * do no harm: each orphan is taken in one statement.
 */
import { integerOption } from '../../base/bounds.ts'
import type { Clock } from '../../base/clock.ts'
import { runAsLoops } from '../../database/as-loops.ts'
import type { Pool } from '../../database/pool.ts'
import type { Log } from '../../runtime/log.ts'
import { Loop, type LoopSignals, type Turn } from '../../runtime/loop.ts'
import { isProcessGone } from '../../runtime/process-liveness.ts'
import { listWorkers, type Rescued, removeExpiredWorkers, rescueOrphans } from './store.ts'

export interface RescuerOptions {
  readonly pool: Pool
  readonly clock: Clock
  readonly log: Log
  readonly intervalMs?: number
  /** Names of jobs whose death another job follows. */
  readonly followed?: readonly string[]
  /** Jobs are waiting again: wakes the worker of this process. */
  readonly onRescued?: () => void
  readonly signals?: LoopSignals
}

const intervalBound = {
  min: 10,
  max: 600_000,
  default: 5_000,
  because: 'a crash is noticed this much after the lease has run out',
} as const
/** One statement of some milliseconds; the rest follows in the next turn, at once. */
const JOBS_MAX = 500

export function createRescuer(options: RescuerOptions): Loop {
  return new Loop({
    name: 'rescuer',
    clock: options.clock,
    log: options.log,
    intervalMs: integerOption('rescuer', 'intervalMs', options.intervalMs, intervalBound),
    turn: () => rescue(options),
    signals: options.signals,
  })
}

async function rescue(options: RescuerOptions): Promise<Turn> {
  const { pool, log, onRescued, followed = [] } = options
  const orphansBack = rescueOrphans(JOBS_MAX, followed)
  const removed = removeExpiredWorkers(await goneWorkers(pool))
  const [expired, orphans] = await runAsLoops(pool, removed, orphansBack)
  for (const worker of expired?.rows ?? []) log.warn({ ...worker }, 'A worker was lost.')
  const rescued = (orphans?.rows ?? []) as unknown as Rescued[]
  for (const job of rescued.filter((each) => each.dead)) {
    log.error({ ...job }, 'A job lost its worker in its last attempt.')
  }
  if (rescued.length > 0) {
    log.warn({ jobs: rescued.length }, 'Jobs of lost workers were given back.')
    onRescued?.()
  }
  return rescued.length < JOBS_MAX ? 'idle' : 'again'
}

async function goneWorkers(pool: Pool): Promise<readonly number[]> {
  const [workers] = await runAsLoops(pool, listWorkers)
  const gone = workers?.rows.filter(({ name }) => isProcessGone(name as string)) ?? []
  return gone.map(({ id }) => id as number)
}
