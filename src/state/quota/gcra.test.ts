/** The limiter against its arithmetic: whatever is asked, whenever, of however many processes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { asking, limitBench, policyOf } from '../../testing/test-limits.ts'
import { grant } from './gcra.ts'
import type { LeasedLimiter, LimitPolicy } from './quota.ts'

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
  const { world, limiters, stop } = limitBench(load.processes, load)
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
    const { world, limiters, stop } = limitBench(2)
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
