/** Queues, pools, retries, caches and growth. */
import { type Chart, calculator, figure, input } from '../calculator.ts'
import { queueFacts, serversFor } from '../erlang.ts'
import { sources } from '../sources.ts'

const SERVERS_MAX = 100_000
const RATE: readonly [number, number] = [0, 1e9]

/** The mean wait, in service times, as the servers fill up: the curve to remember. */
function waitCurve(servers: number): Chart {
  const loads = [50, 60, 70, 80, 85, 90, 95, 98]
  return {
    title: `Mean wait in service times, ${servers} server${servers === 1 ? '' : 's'}`,
    unit: '× service time',
    bars: loads.map((percent) => ({
      label: `${percent} %`,
      value: queueFacts({
        arrivalsPerSecond: (percent / 100) * servers,
        serviceSeconds: 1,
        servers,
      }).meanWaitSeconds,
    })),
  }
}

export const queueCalculator = calculator({
  id: 'queue',
  title: 'Queue wait (M/M/c)',
  rule: 'Size servers so that the wait, not only the load, stays in bounds: above 80 % busy it grows without mercy.',
  question: 'How long does work wait for a free worker?',
  inputs: {
    arrivalsPerSecond: input('Arrivals per second', '1/s', 80, RATE),
    serviceMs: input('Mean time of the work', 'ms', 100, [0.001, 1e8]),
    servers: input('Workers, connections or cores', 'servers', 10, [1, SERVERS_MAX]),
    variability: input(
      'Coefficient of variation, arrivals and service: 0 clockwork, 1 random, 2 bursty',
      '',
      1,
      [0, 10],
      [0.7, 1.5],
    ),
  },
  formulas: [
    'offered load a = arrivals × service time (Erlang); utilisation = a / c',
    'Erlang C: P(wait) = c·B / (c − a·(1 − B)), B by the recursion B(n) = a·B(n−1) / (n + a·B(n−1))',
    'mean wait = P(wait) / (c/service − arrivals) × variability²  (Allen–Cunneen for anything but random)',
    'wait of 95 % = ln(P(wait) / 0.05) / (c/service − arrivals), at variability 1; waiting = arrivals × mean wait (Little)',
  ],
  uncertainty:
    'Exact for random arrivals and service times; real ones are bursty or correlated, which the range of variability shows. Time of day is not in it: use the busiest minutes.',
  sources: [sources.performanceModeling],
  compute({ arrivalsPerSecond, serviceMs, servers, variability }) {
    const whole = Math.max(1, Math.floor(servers))
    const serviceSeconds = serviceMs / 1000
    const facts = queueFacts({ arrivalsPerSecond, serviceSeconds, servers: whole })
    const factor = variability ** 2
    const needed = serversFor(arrivalsPerSecond * serviceSeconds, 0.2, SERVERS_MAX)
    return {
      figures: [
        figure('Utilisation', facts.utilisation * 100, '%'),
        figure('Arrivals that wait', facts.waitProbability * 100, '%'),
        figure('Mean wait', facts.meanWaitSeconds * 1000 * factor, 'ms'),
        figure('95 % wait less than', facts.waitBelowSeconds(0.95) * 1000, 'ms'),
        figure('Waiting on average', facts.waiting * factor, 'items'),
        figure('Servers so that at most 20 % wait', needed, 'servers'),
      ],
      reading: [queueReading(facts.utilisation)],
      chart: waitCurve(whole),
    }
  },
})

function queueReading(utilisation: number): string {
  if (utilisation >= 1)
    return 'The servers cannot keep up: the line grows for as long as this load lasts.'
  if (utilisation > 0.85)
    return 'Above 85 % busy, a tenth more load multiplies the wait: add servers or shed load before that.'
  if (utilisation < 0.3)
    return 'Most servers idle: fewer would do, unless peaks are what they are for.'
  return 'A healthy load: there is room for a peak.'
}

export const poolCalculator = calculator({
  id: 'pool',
  title: 'Pool and concurrency',
  rule: "Connections are throughput times holding time (Little's law), divided over the processes, below what the server's cores serve well.",
  question: 'How many database connections, in all and per process?',
  related: ['missing-pool'],
  inputs: {
    requestsPerSecond: input('Requests per second at the peak', '1/s', 300, RATE),
    holdMs: input('Time a request holds a connection', 'ms', 20, [0.001, 1e7]),
    processes: input('App processes', 'processes', 4, [1, 1e5]),
    databaseCores: input('Cores of the database server', 'cores', 4, [1, 1024]),
    maxConnections: input('max_connections of the server', 'connections', 100, [1, 1e5]),
  },
  formulas: [
    "busy on average L = λ × W (Little's law)",
    'pool = fewest connections with which at most 5 % of requests wait (Erlang C)',
    'served well ≈ 2 × cores + 1, a starting point; spare = max_connections − 10 % for operators and migrations',
  ],
  uncertainty:
    'Holding time includes every wait inside the transaction (locks, round trips, your code): measure it under load. 2 × cores + 1 is a rule of thumb from spinning disks.',
  sources: [sources.performanceModeling, sources.poolSizing],
  compute({ requestsPerSecond, holdMs, processes, databaseCores, maxConnections }) {
    const busy = requestsPerSecond * (holdMs / 1000)
    const pool = serversFor(busy, 0.05, SERVERS_MAX)
    const perProcess = Math.ceil(pool / Math.max(1, processes))
    const servedWell = 2 * databaseCores + 1
    const allowed = Math.floor(maxConnections * 0.9)
    const total = perProcess * Math.ceil(processes)
    return {
      figures: [
        figure('Busy on average', busy, 'connections'),
        figure('Pool in all', pool, 'connections'),
        figure('Pool per process', perProcess, 'connections'),
        figure('Opened by all processes', total, 'connections'),
        figure('Served well by the cores, about', servedWell, 'connections'),
        figure('Throughput limit at that number', servedWell / (holdMs / 1000), 'requests/s'),
      ],
      reading: poolReading({ total, servedWell, allowed, busy }),
      chart: {
        title: 'Connections',
        unit: 'connections',
        bars: [
          { label: 'busy', value: busy },
          { label: 'opened', value: total },
          { label: 'served well', value: servedWell },
          { label: 'allowed', value: allowed },
        ],
      },
    }
  },
})

function poolReading(facts: {
  readonly total: number
  readonly servedWell: number
  readonly allowed: number
  readonly busy: number
}): readonly string[] {
  const lines: string[] = []
  if (facts.total > facts.allowed)
    lines.push(
      'More than the server allows: a transaction pooler, fewer processes, or shorter transactions.',
    )
  if (facts.busy > facts.servedWell)
    lines.push(
      'More connections work at once than cores serve well: shorten the holding time (batch statements, no calls inside) before anything grows.',
    )
  else if (facts.total > facts.servedWell)
    lines.push(
      'More open than served well at once is fine while most are idle; a queue in the app is faster than a crowd in the server.',
    )
  return lines.length > 0
    ? lines
    : ['Fits: keep the pool at this size and let requests queue in the app, with a bound.']
}

export const retryCalculator = calculator({
  id: 'retry',
  title: 'Retry amplification',
  rule: 'Retry at one layer, few times, within a budget: layers multiply.',
  question: 'What do retries do to a dependency that fails?',
  related: ['retry-backoff-jitter'],
  inputs: {
    attempts: input('Attempts per layer, the first included', 'attempts', 3, [1, 100]),
    layers: input('Layers that retry, one inside the other', 'layers', 2, [1, 10]),
    failurePercent: input('Attempts that fail', '%', 30, [0, 100], [10, 100]),
    requestsPerSecond: input('Requests per second', '1/s', 100, RATE),
    budgetPercent: input('Retry budget, share of requests', '%', 10, [0, 1000]),
  },
  formulas: [
    'worst case = attempts ^ layers (everything fails)',
    'one layer: expected tries = (1 − p^n) / (1 − p); a request of that layer fails with p^n',
    'layers: the failure of an inner layer is the failure probability of the next one out; tries multiply',
    'with a budget b: load ≤ 1 + b, whatever fails',
  ],
  uncertainty:
    'Failures are taken as independent; in an overload they are not: each try makes the next more likely to fail, and the truth is nearer the worst case.',
  sources: [sources.retries],
  compute({ attempts, layers, failurePercent, requestsPerSecond, budgetPercent }) {
    const tries = Math.max(1, Math.floor(attempts))
    const depth = Math.max(1, Math.floor(layers))
    const worst = tries ** depth
    const expected = expectedTries(tries, depth, failurePercent / 100)
    return {
      figures: [
        figure('Worst case', worst, '× load'),
        figure('Expected now', expected.tries, '× load'),
        figure('Requests that still fail', expected.failure * 100, '%'),
        figure('Sent to the dependency now', expected.tries * requestsPerSecond, '1/s'),
        figure('With the budget at most', (1 + budgetPercent / 100) * requestsPerSecond, '1/s'),
      ],
      reading: [
        worst > 5
          ? `An outage is answered with ${worst} times the load: keep retries in one layer and give them a budget.`
          : 'Bounded: keep jitter and a budget, and retry only what is idempotent.',
      ],
      chart: {
        title: 'Load on the dependency by share of failures',
        unit: '× load',
        bars: [0, 10, 30, 50, 80, 100].map((percent) => ({
          label: `${percent} %`,
          value: expectedTries(tries, depth, percent / 100).tries,
        })),
      },
    }
  },
})

export function expectedTries(
  attempts: number,
  layers: number,
  failure: number,
): { readonly tries: number; readonly failure: number } {
  let tries = 1
  let fails = failure
  for (let layer = 0; layer < layers; layer++) {
    tries *= fails === 1 ? attempts : (1 - fails ** attempts) / (1 - fails)
    fails = fails ** attempts
  }
  return { tries, failure: fails }
}

export const cacheCalculator = calculator({
  id: 'cache',
  title: 'Hit rate worth having',
  rule: 'A cache pays when its hits save more than every look-up costs, and when its loss can be survived.',
  question: 'From which hit rate on does a cache pay?',
  related: ['cache-aside-exact'],
  inputs: {
    readMs: input('The read without a cache', 'ms', 20, [0.001, 1e7]),
    cacheMs: input('A look-up in the cache', 'ms', 1, [0, 1e6], [0.5, 2]),
    hitPercent: input('Hit rate expected', '%', 80, [0, 100], [60, 90]),
    readsPerSecond: input('Reads per second', '1/s', 500, RATE),
    databaseCpuMs: input('CPU of the database per read', 'ms', 5, [0, 1e6]),
    cpuHourUsd: input('Price of a database vCPU-hour', '$', 0.1, [0, 100], [0.05, 0.2]),
    cacheUsdPerMonth: input('Price of the cache', '$/month', 60, [0, 1e7]),
  },
  formulas: [
    'mean = cache + (1 − hit) × read; faster than without when hit > cache / read',
    'saved per month = hit × reads/s × CPU × 730 h × price per vCPU-hour; pays when that exceeds the cache',
    'load when the cache is lost = 1 / (1 − hit) times the load of today',
  ],
  uncertainty:
    'Money saved is only real when the database can be made smaller for it. Hit rates are guesses until keys have been logged; the work of invalidation is not in the sum.',
  sources: [sources.memcacheAtFacebook],
  compute(values) {
    const { readMs, cacheMs, hitPercent, readsPerSecond, databaseCpuMs } = values
    const hit = hitPercent / 100
    const cores = (readsPerSecond * databaseCpuMs) / 1000
    const monthlyUsd = cores * 730 * values.cpuHourUsd
    const payingHit =
      monthlyUsd > 0 ? values.cacheUsdPerMonth / monthlyUsd : Number.POSITIVE_INFINITY
    return {
      figures: [
        figure('Mean read', cacheMs + (1 - hit) * readMs, 'ms'),
        figure('Faster from a hit rate of', (cacheMs / readMs) * 100, '%'),
        figure('Pays from a hit rate of', payingHit * 100, '%'),
        figure('Saved minus spent', hit * monthlyUsd - values.cacheUsdPerMonth, '$/month'),
        figure('Database load if the cache is lost', 1 / Math.max(1e-9, 1 - hit), '× today'),
      ],
      reading: cacheReading(payingHit, hit, cacheMs / readMs),
      chart: {
        title: 'Mean read by hit rate',
        unit: 'ms',
        bars: [0, 30, 50, 70, 80, 90, 95, 99].map((percent) => ({
          label: `${percent} %`,
          value: cacheMs + (1 - percent / 100) * readMs,
        })),
      },
    }
  },
})

function cacheReading(payingHit: number, hit: number, fasterHit: number): readonly string[] {
  const lines = [
    payingHit > 1
      ? 'It cannot pay in money at any hit rate: build it for latency or not at all.'
      : hit > payingHit
        ? 'It pays in money at the expected hit rate.'
        : 'It does not pay in money at the expected hit rate.',
  ]
  if (hit > 0.9)
    lines.push(
      'Above 90 % the database is no longer sized for the whole load: fill with single flight and test with an empty cache.',
    )
  if (fasterHit > 0.5)
    lines.push('The look-up is half as dear as the read: look for an index first.')
  return lines
}

export const scaleCalculator = calculator({
  id: 'scale',
  title: 'Scaling projection',
  rule: 'Two measured points give an exponent: below 1 growth gets cheaper, at 1 linear, above 1 it runs away.',
  question: 'What will it cost at ten times the load?',
  inputs: {
    load1: input('Load of the first measurement', 'any unit', 100, [1e-9, 1e15]),
    cost1: input('Its cost (CPU, ms, $)', 'any unit', 10, [1e-9, 1e15]),
    load2: input('Load of the second', 'same unit', 200, [1e-9, 1e15]),
    cost2: input('Its cost', 'same unit', 22, [1e-9, 1e15]),
    target: input('Load to project to', 'same unit', 1000, [1e-9, 1e15]),
    noisePercent: input('Error of each measurement', '%', 5, [0, 100]),
  },
  formulas: [
    'cost = cost1 × (load / load1)^b, b = ln(cost2/cost1) / ln(load2/load1)',
    'error of b = √2 × noise / |ln(load2/load1)|: measure points far apart',
    'sub-linear where b + error < 1, super-linear where b − error > 1, otherwise not told from linear',
  ],
  uncertainty:
    'A power law through two points says nothing about a wall (a lock, a full disk, a queue) between them and the target; a third point at twice the load is worth more than any formula.',
  sources: [sources.scalabilityLaw],
  compute({ load1, cost1, load2, cost2, target, noisePercent }) {
    const spread = Math.log(load2 / load1)
    const exponent = spread === 0 ? Number.NaN : Math.log(cost2 / cost1) / spread
    const error = spread === 0 ? Number.NaN : (Math.SQRT2 * noisePercent) / 100 / Math.abs(spread)
    const at = (load: number, power: number) => cost1 * (load / load1) ** power
    return {
      figures: [
        figure('Exponent b', exponent, ''),
        figure('Error of b', error, '±'),
        figure('Cost at the target', at(target, exponent), ''),
        figure(
          'At least',
          Math.min(at(target, exponent - error), at(target, exponent + error)),
          '',
        ),
        figure('At most', Math.max(at(target, exponent - error), at(target, exponent + error)), ''),
        figure('If it were linear', at(target, 1), ''),
      ],
      reading: [scaleReading(exponent, error)],
      chart: {
        title: 'Cost by load',
        unit: '',
        bars: [1, 2, 5, 10, 20].map((factor) => ({
          label: `${factor}×`,
          value: at(load1 * factor, exponent),
        })),
      },
    }
  },
})

export function scaleReading(exponent: number, error: number): string {
  if (Number.isNaN(exponent)) return 'Two different loads are needed.'
  if (exponent - error > 1)
    return 'Super-linear: something is done per pair or waits in a line; find it before load does.'
  if (exponent + error < 1) return 'Sub-linear: fixed costs are spread over more work.'
  return 'Not to be told from linear at this error: measure points further apart.'
}
