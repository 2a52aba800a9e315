/** The limiter against a model: many processes, one bucket, time that the test owns. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Clock, systemClock } from '../../base/clock.ts'
import { silentLog } from '../../runtime/log.ts'
import { loopSuite } from '../../testing/loop-suite.ts'
import { type Grant, grant } from './gcra.ts'
import type { Lease, LeaseRequest } from './leaser.ts'
import type { Decision, LimitPolicy } from './quota.ts'
import { LeasedLimiter } from './quota.ts'

/** One time for all, and what is due in it. Every process sees it through a clock of its own. */
class World {
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
class Table {
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

function policyOf(facts: Partial<LimitPolicy> & { intervalMs?: number } = {}): LimitPolicy {
  const { intervalMs = 1000, ...rest } = facts
  return {
    name: 'test',
    rate: { count: 1, windowMs: intervalMs },
    burst: 60,
    exact: false,
    ...rest,
  }
}

interface Bench {
  readonly world: World
  readonly table: Table
  readonly limiters: readonly LeasedLimiter[]
  stop(): Promise<void>
}

function bench(processes: number, wayMs = { there: 1, back: 1 }): Bench {
  const world = new World()
  const table = new Table(world, wayMs)
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
function asking(limiter: LeasedLimiter, policy: LimitPolicy, told: (d: Decision) => void): void {
  const decision = limiter.check(policy, 'subject')
  if (decision instanceof Promise) void decision.then(told)
  else told(decision)
}

interface Load {
  readonly policy: LimitPolicy
  readonly processes: number
  readonly there: number
  readonly back: number
  readonly requests: readonly { gapMs: number; process: number; count: number }[]
}

const loads = (exact: boolean): fc.Arbitrary<Load> =>
  fc.record({
    policy: fc
      .record({
        intervalMs: fc.integer({ min: 1, max: 200 }),
        burst: fc.integer({ min: 1, max: 80 }),
      })
      .map((facts) => policyOf({ ...facts, exact })),
    processes: fc.integer({ min: 1, max: 4 }),
    there: fc.integer({ min: 0, max: 20 }),
    back: fc.integer({ min: 0, max: 20 }),
    requests: fc.array(
      fc.record({
        gapMs: fc.oneof(
          fc.integer({ min: 0, max: 5 }),
          fc.integer({ min: 0, max: 300 }),
          fc.integer({ min: 0, max: 20_000 }),
        ),
        process: fc.nat({ max: 3 }),
        count: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 40 })),
      }),
      { minLength: 1, maxLength: 40 },
    ),
  })

/** Moments at which requests passed. */
async function passesOf(load: Load): Promise<number[]> {
  const { world, limiters, stop } = bench(load.processes, load)
  const passes: number[] = []
  let atMs = 0
  let unanswered = 0
  for (const { gapMs, process, count } of load.requests) {
    atMs += gapMs
    const limiter = limiters[process % load.processes] as LeasedLimiter
    for (let n = 0; n < count; n++) {
      unanswered++
      world.schedule(atMs, () =>
        asking(limiter, load.policy, ({ allowed }) => {
          unanswered--
          if (allowed) passes.push(world.nowMs)
        }),
      )
    }
  }
  await world.runUntil(atMs + 1_000)
  assert.equal(unanswered, 0)
  assert.ok(limiters.every((limiter) => limiter.metrics().waiting === 0))
  await stop()
  return passes
}

/** No span between two passes holds more than its bound. */
function assertWithin(
  passes: readonly number[],
  intervalMs: number,
  most: number,
  slackMs: number,
) {
  passes.forEach((endMs, last) => {
    passes.slice(0, last + 1).forEach((startMs, first) => {
      const count = last - first + 1
      const bound = most + Math.floor((endMs - startMs + slackMs) / intervalMs + 1e-6)
      assert.ok(count <= bound, `${count} > ${bound} passed from ${startMs} to ${endMs} ms`)
    })
  })
}

describe('never more than the quota', () => {
  // A request that waited counts where the database granted it: up to `back` before it passed.
  const holds = (exact: boolean) =>
    fc.asyncProperty(loads(exact), async (load) => {
      const { rate, burst } = load.policy
      const ahead = !exact && burst >= 20 ? load.processes : 0
      assertWithin(await passesOf(load), rate.windowMs, burst + ahead, load.back)
    })

  test('leased: burst + rate, and one per process where the burst is 20 or more', async () => {
    await fc.assert(holds(false), { numRuns: 150 })
  })

  test('exact: burst + rate', async () => {
    await fc.assert(holds(true), { numRuns: 60 })
  })
})

describe('never less than it should be', () => {
  test('alone, a subject that keeps two below its burst is never refused', async () => {
    const quiet = loads(false).filter(({ policy, there, back }) => {
      return policy.burst > 2 && there + back < policy.rate.windowMs
    })
    await fc.assert(
      fc.asyncProperty(quiet, async (load) => {
        const { windowMs: intervalMs } = load.policy.rate
        const rate = { intervalMs, burst: load.policy.burst - 2 }
        const ask = { debt: 0, need: 1, ahead: 0 }
        let tatMs: number | undefined
        let atMs = 0
        const requests = load.requests.flatMap(({ gapMs, count }) => {
          atMs += gapMs
          const fit = Array.from({ length: count }, () => grant(rate, tatMs, ask, atMs)).filter(
            () => {
              const given = grant(rate, tatMs, ask, atMs)
              if (given.granted > 0) tatMs = given.tatMs
              return given.granted > 0
            },
          )
          return [{ gapMs, process: 0, count: fit.length }]
        })
        const passes = await passesOf({ ...load, processes: 1, requests })
        assert.equal(
          passes.length,
          requests.reduce((sum, { count }) => sum + count, 0),
        )
      }),
      { numRuns: 150 },
    )
  })

  test('what another process holds in stock is back when its time has passed', async () => {
    const { world, limiters, stop } = bench(2)
    const policy = policyOf()
    const passed = [0, 0]
    const flood = (process: number, count: number) => {
      for (let n = 0; n < count; n++) {
        asking(limiters[process] as LeasedLimiter, policy, ({ allowed }) => {
          if (allowed) passed[process] = (passed[process] ?? 0) + 1
        })
      }
    }
    flood(0, 3)
    await world.runUntil(500)
    for (let atMs = 500; atMs < 2_000; atMs += 50) {
      flood(1, 10)
      await world.runUntil(atMs)
    }
    assert.ok((passed[1] ?? 0) >= 40, `${passed[1]} passed`)
    await world.runUntil(70_000)
    flood(1, 30)
    await world.runUntil(70_010)
    flood(1, 30)
    await world.runUntil(71_000)
    assert.ok((passed[1] ?? 0) >= 98, `${passed[1]} passed`)
    await stop()
  })
})

describe('the way of a request', () => {
  test('the first one of a subject passes at once, and later ones from stock', async () => {
    const { world, table, limiters, stop } = bench(1)
    const [limiter] = limiters as [LeasedLimiter]
    const first = limiter.check(policyOf(), 'subject')
    assert.ok(!(first instanceof Promise) && first.allowed)
    assert.equal(table.statements, 0)
    await world.runUntil(100)
    assert.equal(table.statements, 1)
    const second = limiter.check(policyOf(), 'subject')
    assert.ok(!(second instanceof Promise) && second.allowed)
    await stop()
  })

  test('a steady subject costs far fewer statements than requests', async () => {
    const { world, table, limiters, stop } = bench(1)
    const policy = policyOf({ intervalMs: 10, burst: 100 })
    let passed = 0
    for (let n = 0; n < 1000; n++) {
      await world.runUntil(n * 12)
      asking(limiters[0] as LeasedLimiter, policy, ({ allowed }) => {
        if (allowed) passed++
      })
    }
    await world.runUntil(13_000)
    assert.equal(passed, 1000)
    assert.ok(table.statements < 150, `${table.statements} statements`)
    await stop()
  })

  test('a subject at its limit is refused without the database until a token is there', async () => {
    const { world, table, limiters, stop } = bench(1)
    const [limiter] = limiters as [LeasedLimiter]
    const policy = policyOf({ burst: 5 })
    const decisions: Decision[] = []
    const ask = () => asking(limiter, policy, (decision) => decisions.push(decision))
    for (let n = 0; n < 20; n++) ask()
    await world.runUntil(50)
    assert.equal(decisions.filter(({ allowed }) => allowed).length, 5)
    const statements = table.statements
    for (let n = 0; n < 100; n++) ask()
    await world.runUntil(900)
    assert.equal(table.statements, statements)
    assert.equal(decisions.filter(({ allowed }) => allowed).length, 5)
    await world.runUntil(1_100)
    ask()
    await world.runUntil(1_200)
    assert.equal(decisions.at(-1)?.allowed, true)
    await stop()
  })

  test('an exact policy asks each time, and keeps nothing in stock', async () => {
    const { world, table, limiters, stop } = bench(2)
    const policy = policyOf({ exact: true, burst: 30 })
    let passed = 0
    for (let n = 0; n < 60; n++) {
      const limiter = limiters[n % 2] as LeasedLimiter
      const decision = limiter.check(policy, 'subject')
      if (n === 0) assert.ok(decision instanceof Promise)
      if (decision instanceof Promise) void decision.then((d) => (passed += d.allowed ? 1 : 0))
      await world.runUntil(world.nowMs + 5)
    }
    assert.equal(passed, 30)
    assert.ok(table.statements >= 30)
    await stop()
  })

  test('a decision tells what is left and when to come back', async () => {
    const { world, limiters, stop } = bench(1)
    const policy = policyOf({ burst: 20, intervalMs: 3_000 })
    const decisions: Decision[] = []
    for (let n = 0; n < 25; n++) {
      asking(limiters[0] as LeasedLimiter, policy, (decision) => decisions.push(decision))
      await world.runUntil(world.nowMs + 30)
    }
    const common = { policyName: 'test', quota: 20, windowS: 60 }
    assert.deepEqual(decisions[0], {
      ...common,
      allowed: true,
      remaining: 19,
      resetS: 3,
      retryAfterS: 0,
    })
    assert.deepEqual(
      decisions.slice(0, 20).map(({ remaining }) => remaining),
      Array.from({ length: 20 }, (_, n) => 19 - n),
    )
    assert.deepEqual(decisions[20], {
      ...common,
      allowed: false,
      remaining: 0,
      resetS: 3,
      retryAfterS: 3,
    })
    await stop()
  })

  test('subjects do not count for each other, nor do policies', async () => {
    const { world, limiters, stop } = bench(1)
    const [limiter] = limiters as [LeasedLimiter]
    const allowed: boolean[] = []
    for (const name of ['one', 'two']) {
      for (const subject of ['a', 'b']) {
        for (let n = 0; n < 3; n++) {
          const decision = limiter.check(policyOf({ name, burst: 1 }), subject)
          void Promise.resolve(decision).then((told) => allowed.push(told.allowed))
        }
      }
    }
    await world.runUntil(100)
    assert.equal(allowed.filter(Boolean).length, 4)
    await stop()
  })
})

describe('without the database', () => {
  const flood = async (unavailable: 'local' | 'refuse' | 'allow', burst: number) => {
    const { world, table, limiters, stop } = bench(1)
    table.down = true
    const policy = policyOf({ burst, unavailable })
    const decisions: Decision[] = []
    for (let n = 0; n < 100; n++) {
      asking(limiters[0] as LeasedLimiter, policy, (decision) => decisions.push(decision))
      if (n % 10 === 0) await world.runUntil(world.nowMs + 10)
    }
    await world.runUntil(world.nowMs + 10)
    assert.equal(decisions.length, 100)
    assert.equal((limiters[0] as LeasedLimiter).metrics().away, true)
    await stop()
    return decisions
  }

  test('each process counts alone by default', async () => {
    const decisions = await flood('local', 10)
    assert.equal(decisions.filter(({ allowed }) => allowed).length, 10)
    assert.equal(decisions.at(-1)?.retryAfterS, 1)
  })

  test('or refuses, or allows, as the policy says', async () => {
    assert.ok((await flood('refuse', 10)).every(({ allowed }) => !allowed))
    assert.ok((await flood('allow', 10)).every(({ allowed }) => allowed))
  })

  test('a database that hangs holds each request for 250 ms at most, and the next not at all', async () => {
    const { world, limiters, stop } = bench(1, { there: 5_000, back: 0 })
    const [limiter] = limiters as [LeasedLimiter]
    const policy = policyOf({ burst: 10 })
    let answeredMs = 0
    asking(limiter, policy, () => {
      answeredMs = world.nowMs
    })
    await world.runUntil(300)
    assert.equal(answeredMs, 250)
    assert.ok(!(limiter.check(policy, 'subject') instanceof Promise))
    await world.runUntil(20_000)
    await stop()
  })

  test('it counts in the database again once that is back, and charges what was spent ahead', async () => {
    const { world, table, limiters, stop } = bench(1)
    const [limiter] = limiters as [LeasedLimiter]
    table.down = true
    limiter.check(policyOf(), 'subject')
    await world.runUntil(100)
    assert.equal(limiter.metrics().away, true)
    table.down = false
    await world.runUntil(2_000)
    assert.equal(limiter.metrics().away, false)
    assert.equal(limiter.metrics().queued, 0)
    await stop()
  })
})

describe('bounds', () => {
  test('the number of subjects in memory', async () => {
    const world = new World()
    const table = new Table(world, { there: 1, back: 1 })
    const options = { clock: world.clock(0), log: silentLog, subjectsMax: 100 }
    const limiter = new LeasedLimiter(table.lease, options)
    limiter.loop.start()
    for (let n = 0; n < 1_000; n++) {
      limiter.check(policyOf({ name: `p${n % 3}` }), `subject ${n}`)
      if (n % 10 === 9) await world.runUntil(world.nowMs + 50)
    }
    assert.ok(limiter.metrics().subjects <= 110, `${limiter.metrics().subjects} subjects`)
    const stopped = limiter.loop.stop()
    await world.runUntil(world.nowMs + 100)
    await stopped
  })

  test('requests of one subject that wait: no more than could ever pass', async () => {
    const { world, limiters, stop } = bench(1)
    const [limiter] = limiters as [LeasedLimiter]
    const decisions = Array.from({ length: 100 }, () =>
      limiter.check(policyOf({ burst: 10 }), 'subject'),
    )
    assert.equal(decisions.filter((decision) => decision instanceof Promise).length, 10)
    await world.runUntil(100)
    await stop()
  })

  test('a wrong policy is named', () => {
    const limiter = new LeasedLimiter(async () => [], { clock: systemClock, log: silentLog })
    const wrong = { code: 'HF_OPTION_INVALID' }
    for (const policy of [
      policyOf({ name: '' }),
      policyOf({ name: 'a"b' }),
      policyOf({ burst: 0 }),
      policyOf({ burst: 1.5 }),
      policyOf({ intervalMs: 0 }),
      { ...policyOf(), rate: { count: 101, windowMs: 1 } },
      { ...policyOf(), rate: { count: 0, windowMs: 1000 } },
      { ...policyOf(), unavailable: 'open' as never },
      { ...policyOf(), rates: 1 } as never,
    ]) {
      assert.throws(() => limiter.check(policy, 'subject'), wrong)
    }
    limiter.check(policyOf({ burst: 30 }), 'subject')
    assert.throws(() => limiter.check(policyOf({ burst: 31 }), 'subject'), wrong)
    assert.throws(() => limiter.check(policyOf({ burst: 30 }), 'x'.repeat(301)), wrong)
  })
})

loopSuite('quota leaser', (signals) => ({
  loop: new LeasedLimiter(async () => [], { clock: systemClock, log: silentLog, signals }).loop,
}))
