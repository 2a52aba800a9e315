import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../runtime/log.ts'
import { loopSuite } from '../../testing/loop-suite.ts'
import { asking, limitBench, policyOf, QuotaTable, World } from '../../testing/test-limits.ts'
import type { Lease } from './leaser.ts'
import { type Decision, LeasedLimiter } from './quota.ts'

describe('the way of a request', () => {
  test('the first one of a subject passes at once, and later ones from stock', async () => {
    const { world, table, limiters, stop } = limitBench(1)
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
    const { world, table, limiters, stop } = limitBench(1)
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
    const { world, table, limiters, stop } = limitBench(1)
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
    const { world, table, limiters, stop } = limitBench(2)
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
    const { world, limiters, stop } = limitBench(1)
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

  test('accounts are asked for in one order, the same in every process: rows are locked in it', async () => {
    const asked: string[] = []
    const lease: Lease = async (requests) => {
      asked.push(...requests.map(({ account }) => `${account.policy.name} ${account.subject}`))
      return requests.map(() => ({ granted: 1, tatMs: 1000, nowMs: 0 }))
    }
    const limiter = new LeasedLimiter(lease, { clock: systemClock, log: silentLog })
    for (const subject of ['c', 'a', 'b', 'B']) {
      for (const name of ['two', 'one']) limiter.check(policyOf({ name }), subject)
    }
    await limiter.loop.runOnce()
    const subjects = ['B', 'a', 'b', 'c']
    const rows = ['one', 'two'].flatMap((name) => subjects.map((subject) => `${name} ${subject}`))
    assert.deepEqual(asked, rows)
  })

  test('subjects do not count for each other, nor do policies', async () => {
    const { world, limiters, stop } = limitBench(1)
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
    const { world, table, limiters, stop } = limitBench(1)
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
    const { world, limiters, stop } = limitBench(1, { there: 5_000, back: 0 })
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
    const { world, table, limiters, stop } = limitBench(1)
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
    const table = new QuotaTable(world, { there: 1, back: 1 })
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
    const { world, limiters, stop } = limitBench(1)
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
      assert.throws(() => limiter.declare(policy), wrong)
    }
    limiter.check(policyOf({ burst: 30 }), 'subject')
    assert.throws(() => limiter.check(policyOf({ burst: 31 }), 'subject'), wrong)
    assert.throws(() => limiter.check(policyOf({ burst: 30 }), 'x'.repeat(301)), wrong)
  })
})

loopSuite('quota leaser', (signals) => ({
  loop: new LeasedLimiter(async () => [], { clock: systemClock, log: silentLog, signals }).loop,
}))
