/**
 * Many limiters on one table of quotas, in a time that the test owns: the table does the arithmetic
 * of gcra.ts, and each statement takes its way there and back.
 */
import type { Clock } from '../base/clock.ts'
import { silentLog } from '../runtime/log.ts'
import { type Grant, grant } from '../state/quota/gcra.ts'
import type { Lease, LeaseRequest } from '../state/quota/leaser.ts'
import { type Decision, LeasedLimiter, type LimitPolicy } from '../state/quota/quota.ts'

/** One time for all, and what is due in it. Every process sees it through a clock of its own. */
export class World {
  nowMs = 0
  #due: { atMs: number; run: () => void }[] = []

  clock(offsetMs: number): Clock {
    return {
      now: () => this.nowMs,
      monotonicMs: () => this.nowMs + offsetMs,
      after: (delayMs, run) => this.schedule(this.nowMs + delayMs, run),
    }
  }

  schedule(atMs: number, run: () => void): () => void {
    const event = { atMs, run }
    this.#due.push(event)
    return () => {
      this.#due = this.#due.filter((other) => other !== event)
    }
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.schedule(this.nowMs + ms, resolve))
  }

  async runUntil(endMs: number): Promise<void> {
    await settled()
    for (;;) {
      const next = this.#due.toSorted((left, right) => left.atMs - right.atMs)[0]
      if (next === undefined || next.atMs > endMs) break
      this.#due = this.#due.filter((event) => event !== next)
      this.nowMs = next.atMs
      next.run()
      await settled()
    }
    this.nowMs = endMs
  }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/** The table of the database, with the arithmetic of gcra.ts and a way there and back. */
export class QuotaTable {
  readonly #world: World
  readonly #tats = new Map<string, number>()
  readonly #wayMs: { there: number; back: number }
  /** The server's clock has nothing to do with those of the processes. */
  readonly #epochMs = 1_700_000_000_000
  statements = 0
  down = false

  constructor(world: World, wayMs: { there: number; back: number }) {
    this.#world = world
    this.#wayMs = wayMs
  }

  readonly lease: Lease = async (requests) => {
    this.statements++
    await this.#world.sleep(this.#wayMs.there)
    if (this.down) throw new Error('down')
    const grants = requests.map((request) => this.#grant(request))
    await this.#world.sleep(this.#wayMs.back)
    return grants
  }

  #grant({ account, ask }: LeaseRequest): Grant {
    const { subject, policy } = account
    const row = `${policy.name} ${subject}`
    const nowMs = this.#epochMs + this.#world.nowMs
    const given = grant(policy.rate, this.#tats.get(row), ask, nowMs)
    this.#tats.set(row, given.tatMs)
    return given
  }
}

export function policyOf(facts: Partial<LimitPolicy> & { intervalMs?: number } = {}): LimitPolicy {
  const { intervalMs = 1000, ...rest } = facts
  return {
    name: 'test',
    rate: { count: 1, windowMs: intervalMs },
    burst: 60,
    exact: false,
    ...rest,
  }
}

export interface LimitBench {
  readonly world: World
  readonly table: QuotaTable
  readonly limiters: readonly LeasedLimiter[]
  stop(): Promise<void>
}

export function limitBench(processes: number, wayMs = { there: 1, back: 1 }): LimitBench {
  const world = new World()
  const table = new QuotaTable(world, wayMs)
  const limiters = Array.from({ length: processes }, (_, index) => {
    const clock = world.clock(index * 12_345.678)
    const limiter = new LeasedLimiter(table.lease, { clock, log: silentLog })
    limiter.loop.start()
    return limiter
  })
  const stop = async () => {
    const stopped = Promise.all(limiters.map((limiter) => limiter.loop.stop()))
    await world.runUntil(world.nowMs + 100)
    await stopped
  }
  return { world, table, limiters, stop }
}

/** Asks now; the decision may come later. */
export function asking(
  limiter: LeasedLimiter,
  policy: LimitPolicy,
  told: (d: Decision) => void,
): void {
  const decision = limiter.check(policy, 'subject')
  if (decision instanceof Promise) void decision.then(told)
  else told(decision)
}
