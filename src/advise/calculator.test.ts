import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '../base/fault.ts'
import { type Calculator, calculate, parseInputs } from './calculator.ts'
import { calculators } from './calculators/calculators.ts'
import { expectedTries } from './calculators/load.ts'
import { containersUsd, functionsUsd } from './calculators/money.ts'
import { burnAlerts, burnRateOf } from './calculators/reliability.ts'
import { erlangB, erlangC, queueFacts, serversFor } from './erlang.ts'

const near = (value: number, expected: number, relative = 1e-3) =>
  assert.ok(
    Math.abs(value - expected) <= relative * Math.abs(expected) + 1e-9,
    `${value} is not ${expected}`,
  )

describe('Erlang', () => {
  test('agrees with the published tables', () => {
    // Erlang B: servers, offered load, blocking probability.
    for (const [servers, offered, blocked] of [
      [1, 1, 0.5],
      [2, 1, 0.2],
      [5, 1.3605, 0.01],
      [10, 4.4612, 0.01],
      [20, 12.031, 0.01],
      [100, 84.064, 0.01],
    ] as const)
      near(erlangB(servers, offered), blocked, 2e-3)
    // Erlang C: M/M/1 waits with probability rho, M/M/2 with 2 rho^2 / (1 + rho).
    near(erlangC(1, 0.8), 0.8)
    near(erlangC(2, 1.2), (2 * 0.6 ** 2) / 1.6)
    near(erlangC(10, 8), 0.409, 2e-3)
  })

  test('one server is M/M/1 in closed form', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 0.99, noNaN: true }), (load) => {
        const facts = queueFacts({ arrivalsPerSecond: load, serviceSeconds: 1, servers: 1 })
        near(facts.meanWaitSeconds, load / (1 - load), 1e-9)
        near(facts.waiting, load ** 2 / (1 - load), 1e-9)
        near(facts.waitBelowSeconds(0.99), Math.max(0, Math.log(load / 0.01) / (1 - load)), 1e-6)
      }),
    )
  })

  test("Little's law holds, more servers never wait longer, overload never ends", () => {
    const load = fc.record({
      arrivalsPerSecond: fc.double({ min: 0.1, max: 1e4, noNaN: true }),
      serviceSeconds: fc.double({ min: 1e-4, max: 10, noNaN: true }),
      servers: fc.integer({ min: 1, max: 500 }),
    })
    fc.assert(
      fc.property(load, (given) => {
        const facts = queueFacts(given)
        const more = queueFacts({ ...given, servers: given.servers + 1 })
        assert.ok(more.meanWaitSeconds <= facts.meanWaitSeconds)
        if (facts.utilisation >= 1) assert.equal(facts.meanWaitSeconds, Number.POSITIVE_INFINITY)
        else near(facts.waiting, given.arrivalsPerSecond * facts.meanWaitSeconds, 1e-9)
        assert.ok(facts.waitProbability >= 0 && facts.waitProbability <= 1)
      }),
    )
  })

  test('the servers it asks for are enough, and one fewer is not', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 400, noNaN: true }),
        fc.double({ min: 0.01, max: 0.9, noNaN: true }),
        (offered, share) => {
          const servers = serversFor(offered, share, 10_000)
          assert.ok(erlangC(servers, offered) <= share)
          if (servers > Math.max(1, Math.ceil(offered)))
            assert.ok(erlangC(servers - 1, offered) > share)
        },
      ),
    )
  })
})

const named = (id: string): Calculator =>
  calculators.find((one) => one.id === id) ?? assert.fail(id)

function figures(id: string, words: string): ReadonlyMap<string, number> {
  const { figures } = calculate(named(id), parseInputs(words.split(' ')))
  return new Map(figures.map(({ name, value }) => [name, value]))
}

describe('known values', () => {
  test('burn rates of the SRE workbook', () => {
    assert.deepEqual(
      burnAlerts.map((alert) => Number(burnRateOf(alert, 720).toFixed(6))),
      [14.4, 6, 1],
    )
    const slo = figures('slo', 'objectivePercent=99.9 windowDays=30 errorPercent=100')
    near(slo.get('Burn rate now') ?? 0, 1000)
    near(slo.get('Budget as full outage') ?? 0, 43.2)
    near(slo.get('Budget gone in') ?? 0, 0.72)
    near(slo.get('Page of 1 h fires after') ?? 0, 0.864)
  })

  test('downtime of the nines', () => {
    const three = figures(
      'availability',
      'targetPercent=99.9 dependencies=4 dependencyPercent=99.9',
    )
    near(three.get('Downtime per month') ?? 0, 43.83)
    near(three.get('Downtime per year') ?? 0, 8.766)
    near(three.get('Reachable with these dependencies') ?? 0, 99.6006)
  })

  test("the pool follows Little's law", () => {
    const pool = figures('pool', 'requestsPerSecond=1000 holdMs=10 processes=2 databaseCores=8')
    near(pool.get('Busy on average') ?? 0, 10)
    assert.ok((pool.get('Pool in all') ?? 0) > 10)
    near(pool.get('Throughput limit at that number') ?? 0, 1700)
  })

  test('retries multiply by layer, and one layer is a geometric series', () => {
    assert.equal(expectedTries(3, 3, 1).tries, 27)
    near(expectedTries(3, 1, 0.5).tries, 1 + 0.5 + 0.25)
    near(expectedTries(3, 1, 0.5).failure, 0.125)
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 4 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempts, layers, failure) => {
          const { tries } = expectedTries(attempts, layers, failure)
          assert.ok(tries >= 1 - 1e-9 && tries <= attempts ** layers + 1e-9)
        },
      ),
    )
  })

  test('two points on a power law give back its exponent', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.2, max: 3, noNaN: true }), (power) => {
        const scale = figures(
          'scale',
          `load1=10 cost1=5 load2=40 cost2=${(5 * 4 ** power).toFixed(9)} target=1000`,
        )
        near(scale.get('Exponent b') ?? 0, power, 1e-6)
        near(scale.get('Cost at the target') ?? 0, 5 * 100 ** power, 1e-5)
      }),
    )
  })

  test('a cache is faster from look-up over read on', () => {
    const cache = figures('cache', 'readMs=20 cacheMs=2 hitPercent=90')
    near(cache.get('Mean read') ?? 0, 4)
    near(cache.get('Faster from a hit rate of') ?? 0, 10)
    near(cache.get('Database load if the cache is lost') ?? 0, 10)
  })

  test('compute at 0, 1 and 100 million requests a day, by the list prices', () => {
    const load = { wallMs: 50, cpuMs: 10, memoryMb: 512, busyPercent: 60 }
    const at = (requestsPerDayMillion: number) => ({ ...load, requestsPerDayMillion })
    assert.equal(functionsUsd(at(0)), 0)
    near(functionsUsd(at(1)), 18.77, 5e-3)
    near(functionsUsd(at(100)), 1877, 5e-3)
    near(containersUsd(at(0)), 18.03, 5e-3)
    near(containersUsd(at(100)), 695.7, 5e-3)
  })

  test('latency costs nothing at no loss, and compounds', () => {
    assert.equal(figures('latency', 'lossPercentPer100Ms=0').get('Revenue lost'), 0)
    const lost = figures('latency', 'delayMs=200 lossPercentPer100Ms=1 conversionPercent=2')
    near(lost.get('Conversion after') ?? 0, 2 * 0.99 ** 2)
  })
})

describe('inputs', () => {
  test('a range gives a range that holds the middle', () => {
    const { figures } = calculate(named('queue'), parseInputs(['serviceMs=80..120']))
    for (const { value, low, high } of figures) assert.ok(low <= value && value <= high)
    const wait = figures.find(({ name }) => name === 'Mean wait')
    assert.ok(wait && wait.low < wait.high)
  })

  test('what cannot be used is named, with what can', () => {
    const refused = (id: string, words: string[], message: RegExp) =>
      assert.throws(
        () => calculate(named(id), parseInputs(words)),
        (error) => isFault(error, 'HF_ANSWERS_INVALID') && message.test(error.message),
      )
    refused('queue', ['serverz=3'], /"serverz" is no input; did you mean "servers"/)
    refused('queue', ['servers'], /"servers" is no input\. Write name=number/)
    refused('queue', ['servers=0'], /servers must lie from 1 to/)
    refused('queue', ['serviceMs=120..80'], /serviceMs begins above its end/)
    refused('queue', ['__proto__=1'], /is no input/)
    refused('slo', ['objectivePercent=100'], /objectivePercent must lie/)
  })

  test('any inputs within bounds give a figure for each name, in every calculator', () => {
    for (const one of calculators) {
      const names = Object.entries(one.inputs)
      const values = fc.record(
        Object.fromEntries(
          names.map(([name, { min, max, assume }]) => [
            name,
            fc.oneof(
              fc.double({ min, max: Math.min(max, 1e6), noNaN: true }),
              fc.constantFrom(min, assume),
            ),
          ]),
        ),
      )
      fc.assert(
        fc.property(values, (given) => {
          const { figures, chart, reading } = one.compute(given)
          assert.ok(figures.length > 2 && chart.bars.length > 2 && reading.length > 0)
          assert.ok(reading.every((line) => line.length > 10))
        }),
        { numRuns: 40 },
      )
    }
  })
})
