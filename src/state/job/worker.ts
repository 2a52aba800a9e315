/**
 * Claims jobs and runs them.
 *
 * Terms. A *worker* is a row in `job_workers` with a lease; while it lasts, so do the leases of all
 * jobs that it runs. A *lane* is one queue with so many slots.
 * The claimer takes as many due jobs as there are free slots, in one statement. The renewer renews
 * the worker's lease and compares what the database says it holds with what it runs: a job that is
 * no longer its own is aborted, one that it does not know of (the answer to a claim was lost) goes
 * back. A worker that cannot renew is replaced by the rescuer; whatever it still does is fenced.
 */
import { integerOption } from '../../base/bounds.ts'
import { type Clock, pause } from '../../base/clock.ts'
import { runAsLoops } from '../../database/as-loops.ts'
import type { Pool } from '../../database/pool.ts'
import type { Log } from '../../runtime/log.ts'
import { Lifecycle, Loop, type LoopSignals, type Runnable, type Turn } from '../../runtime/loop.ts'
import { processName } from '../../runtime/process-liveness.ts'
import { Attempt, type Ending, errorText, type JobHandler } from './attempt.ts'
import { type Settlement, Settler } from './settler.ts'
import * as store from './store.ts'

export type { JobHandler, JobTurn } from './attempt.ts'

export interface WorkerOptions {
  readonly pool: Pool
  readonly clock: Clock
  readonly log: Log
  /** By name of the job. */
  readonly handlers: ReadonlyMap<string, JobHandler>
  /** How many jobs of each queue run at once in this process. */
  readonly queues: Readonly<Record<string, number>>
  /** Names of jobs whose death another job follows. */
  readonly followed?: readonly string[]
  /** How soon a job is found that nobody woke this worker for. */
  readonly intervalMs?: number
  /** How long after a crash its jobs are given to others, at the earliest, if not on its own machine. */
  readonly leaseMs?: number
  /** How long `stop` lets running jobs go on before it aborts them. */
  readonly drainMs?: number
  readonly signals?: WorkerSignals
}

/** Hooks for tests. */
export interface WorkerSignals extends LoopSignals {
  jobEnded?(job: store.Job, ending: Ending['kind']): void
}

export interface WorkerCounters {
  claimed: number
  done: number
  failed: number
  dead: number
  released: number
  lost: number
}

const bounds = {
  slots: { min: 1, max: 1_000, default: 10, because: 'a claim asks for that many rows at once' },
  intervalMs: { min: 10, max: 60_000, default: 1_000, because: 'one cheap statement per interval' },
  leaseMs: {
    min: 1_000,
    max: 600_000,
    default: 15_000,
    because: 'with the rescuer it keeps a crash below 30 s; it is renewed three times in that time',
  },
  drainMs: {
    min: 0,
    max: 600_000,
    default: 10_000,
    because: 'process managers kill after 30 s by default',
  },
} as const

/** After drainMs: the grace of an attempt, and one round trip to settle it. */
const STOP_MS = 4_000

class Lane {
  readonly queue: string
  readonly #slots: number
  active = 0
  /** The last claim gave all that was asked for: more jobs are likely to wait. */
  hungry = false

  constructor(queue: string, slots: number) {
    this.queue = queue
    this.#slots = slots
  }

  get free(): number {
    return this.#slots - this.active
  }
}

export class Worker implements Runnable {
  readonly name = 'worker'
  readonly counters: WorkerCounters = {
    claimed: 0,
    done: 0,
    failed: 0,
    dead: 0,
    released: 0,
    lost: 0,
  }
  readonly #options: WorkerOptions
  readonly #leaseMs: number
  readonly #drainMs: number
  readonly #lanes: ReadonlyMap<string, Lane>
  readonly #attempts = new Map<number, Attempt>()
  readonly #claimer: Loop
  readonly #renewer: Loop
  readonly #lifecycle: Lifecycle
  #settler: Settler
  #id: number | undefined
  #strays: ReadonlySet<number> = new Set()

  constructor(options: WorkerOptions) {
    const { clock, log } = options
    this.#options = options
    this.#leaseMs = integerOption('worker', 'leaseMs', options.leaseMs, bounds.leaseMs)
    this.#drainMs = integerOption('worker', 'drainMs', options.drainMs, bounds.drainMs)
    this.#lanes = new Map(Object.entries(options.queues).map(([name, n]) => [name, lane(name, n)]))
    this.#settler = new Settler(options)
    this.#claimer = new Loop({
      name: 'worker',
      clock,
      log,
      intervalMs: integerOption('worker', 'intervalMs', options.intervalMs, bounds.intervalMs),
      turn: (signal) => this.#claim(signal),
      signals: options.signals,
    })
    this.#renewer = new Loop({
      name: 'worker lease',
      clock,
      log,
      intervalMs: this.#leaseMs / 3,
      turn: () => this.#renew(),
    })
    this.#lifecycle = new Lifecycle(
      () => this.#begin(),
      () => this.#end(),
    )
  }

  start(): void {
    this.#lifecycle.start()
  }

  /** Claims no more, lets running jobs end, aborts those that do not, hands everything back. */
  stop(): Promise<void> {
    return this.#lifecycle.stop()
  }

  /** Claims once and waits until everything that runs has ended. */
  async runOnce(): Promise<Turn> {
    const turn = await this.#claimer.runOnce()
    await this.#allFinished()
    return turn
  }

  wake(): void {
    this.#claimer.wake()
  }

  #begin(): void {
    this.#claimer.start()
    this.#renewer.start()
  }

  async #end(): Promise<void> {
    await this.#claimer.stop()
    await this.#finishWithin(this.#drainMs)
    for (const attempt of this.#attempts.values()) attempt.abort('stopping')
    await this.#finishWithin(STOP_MS)
    this.#settler.abandon()
    await this.#allFinished()
    this.#settler = new Settler(this.#options)
    await this.#renewer.stop()
    await this.#leave()
  }

  async #finishWithin(timeoutMs: number): Promise<void> {
    if (this.#attempts.size === 0) return
    const finished = new AbortController()
    const all = this.#allFinished().then(() => finished.abort())
    await Promise.race([all, pause(this.#options.clock, timeoutMs, finished.signal)])
  }

  async #allFinished(): Promise<void> {
    await Promise.all([...this.#attempts.values()].map((attempt) => attempt.finished))
  }

  async #claim(signal: AbortSignal): Promise<Turn> {
    const lanes = [...this.#lanes.values()].filter((lane) => lane.free > 0)
    if (lanes.length === 0) return 'idle'
    const worker = await this.#register()
    const wanted = lanes.map((lane) => ({ queue: lane.queue, jobs: lane.free }))
    const [rows] = await runAsLoops(this.#options.pool, store.claim(worker, wanted))
    const jobs = (rows?.rows ?? []) as unknown as store.Job[]
    this.counters.claimed += jobs.length
    if (signal.aborted) await this.#handBack(jobs)
    else for (const job of jobs.sort(byUrgency)) this.#launch(job)
    for (const [index, lane] of lanes.entries()) {
      const claimed = jobs.filter((job) => job.queue === lane.queue).length
      lane.hungry = claimed === wanted[index]?.jobs
    }
    // Slots that became free during the claim.
    return lanes.some((lane) => lane.hungry && lane.free > 0) ? 'again' : 'idle'
  }

  async #register(): Promise<number> {
    if (this.#id !== undefined) return this.#id
    const { pool } = this.#options
    const [rows] = await runAsLoops(pool, store.registerWorker(processName(), this.#leaseMs))
    this.#id = rows?.rows[0]?.id as number
    return this.#id
  }

  #launch(job: store.Job): void {
    const attempt = new Attempt(job, this.#options.handlers.get(job.name), this.#options.clock)
    const lane = this.#lanes.get(job.queue) as Lane
    lane.active++
    this.#attempts.set(job.lease, attempt)
    attempt.finished = this.#see(attempt).finally(() => {
      lane.active--
      this.#attempts.delete(job.lease)
      // A job of its key may have waited for its end, or one follow its death; nobody else tells.
      if (lane.hungry || job.key !== null || isLast(job)) this.#claimer.wake()
    })
  }

  /** The life of an attempt: it runs, its ending is settled, and told. */
  async #see(attempt: Attempt): Promise<void> {
    const { job } = attempt
    let ending = await attempt.run()
    const settlement = settlementOf(job, ending)
    if (settlement !== undefined) {
      const settled = await this.#settler.settle(settlement)
      if (settled === 'lost') ending = { kind: 'lost' }
    }
    this.#count(job, ending)
    this.#tell(job, ending)
    this.#options.signals?.jobEnded?.(job, ending.kind)
  }

  #count(job: store.Job, ending: Ending): void {
    this.counters[ending.kind]++
    if (ending.kind === 'failed' && isLast(job)) this.counters.dead++
  }

  #tell(job: store.Job, ending: Ending): void {
    const { log } = this.#options
    const { name, id, tenant, attempt, requestId } = job
    const fields = { job: name, id, tenant, attempt, requestId }
    if (ending.kind === 'done') log.debug(fields, 'A job is done.')
    if (ending.kind === 'lost') log.warn(fields, 'A job was lost to another worker.')
    if (ending.kind === 'released') {
      log.info({ ...fields, reason: ending.reason }, 'A job was given back.')
    }
    if (ending.kind !== 'failed') return
    const { error, delayMs } = ending
    if (isLast(job)) log.error({ ...fields, error }, 'A job failed for the last time.')
    else log.warn({ ...fields, error, delayMs }, 'A job failed and will be tried again.')
  }

  /** Claimed, and not to be begun any more. */
  async #handBack(jobs: readonly store.Job[]): Promise<void> {
    await Promise.all(jobs.map((job) => this.#settler.settle(released(job.lease, 0, null))))
  }

  async #renew(): Promise<Turn> {
    const worker = this.#id
    if (worker === undefined) return 'idle'
    const known = [...this.#attempts.values()]
    const [renewed, leases] = await runAsLoops(
      this.#options.pool,
      store.renewWorker(worker, this.#leaseMs),
      store.leasesOf(worker),
    )
    if (renewed?.rowCount === 0) this.#expire()
    else this.#compare(known, new Set(leases?.rows.map((row) => row.lease as number)))
    return 'idle'
  }

  /** The rescuer has given our jobs away: stop what can be stopped, come back as somebody new. */
  #expire(): void {
    this.#options.log.warn({ jobs: this.#attempts.size }, 'The lease of this worker ran out.')
    this.#id = undefined
    for (const attempt of this.#attempts.values()) attempt.abort('lost')
    this.#claimer.wake()
  }

  #compare(known: readonly Attempt[], held: ReadonlySet<number>): void {
    for (const attempt of known) if (!held.has(attempt.job.lease)) attempt.abort('lost')
    const strays = new Set([...held].filter((lease) => !this.#attempts.has(lease)))
    // Twice in a row: the first time its claim may still be on its way back to us.
    for (const lease of strays) {
      if (this.#strays.has(lease)) void this.#settler.settle(released(lease, 0, null))
    }
    this.#strays = strays
  }

  async #leave(): Promise<void> {
    const worker = this.#id
    this.#id = undefined
    if (worker === undefined) return
    try {
      await runAsLoops(this.#options.pool, store.removeWorker(worker))
    } catch (error) {
      this.#options.log.warn({ error }, 'A worker could not sign off; its lease will run out.')
    }
  }
}

function lane(queue: string, slots: number): Lane {
  return new Lane(queue, integerOption('worker', `queue ${queue}`, slots, bounds.slots))
}

function byUrgency(a: store.Job, b: store.Job): number {
  if (a.priority !== b.priority) return a.priority - b.priority
  return a.runAt < b.runAt ? -1 : 1
}

function isLast(job: store.Job): boolean {
  return job.attempt >= job.attemptsMax
}

/** What is left to write down; undefined where the handler's transaction did it, or nothing may be. */
function settlementOf(job: store.Job, ending: Ending): Settlement | undefined {
  const { lease } = job
  if (ending.kind === 'done') return ending.settled ? undefined : { kind: 'done', lease }
  if (ending.kind === 'released') return released(lease, ending.delayMs, ending.reason)
  if (ending.kind === 'lost') return undefined
  const error = errorText(ending.error)
  if (isLast(job)) return { kind: 'buried', lease, error }
  return { kind: 'postponed', lease, delayMs: ending.delayMs, counted: true, error }
}

function released(lease: number, delayMs: number, error: string | null): Settlement {
  return { kind: 'postponed', lease, delayMs, counted: false, error }
}
