/** Cost per request, total cost, and what latency may cost. */
import { calculator, figure, input } from '../calculator.ts'
import { sources } from '../sources.ts'

const MONTH_HOURS = 730.5
const MONTH_DAYS = 30.4375
const SHARE: readonly [number, number] = [0, 100]

export const costCalculator = calculator({
  id: 'cost',
  title: 'Cost per request and per user',
  rule: 'Price a request by what it uses (CPU, statements, bytes), at the load at which you really run.',
  question: 'What does a request cost, and a user?',
  inputs: {
    cpuMs: input('CPU of the app per request', 'ms', 5, [0, 1e7]),
    statements: input('Statements per request', 'count', 5, [0, 1e6]),
    statementMs: input('CPU of the database per statement', 'ms', 0.5, [0, 1e6]),
    responseKb: input('Bytes to the caller', 'kB', 8, [0, 1e7]),
    telemetryKb: input('Logs and spans per request', 'kB', 2, [0, 1e6]),
    busyPercent: input('How busy the cores are on average', '%', 40, [1, 100], [25, 60]),
    cpuHourUsd: input('App vCPU-hour with 2 GB', '$', 0.04937, [0, 100]),
    databaseCpuHourUsd: input('Database vCPU-hour', '$', 0.1, [0, 100], [0.05, 0.2]),
    egressUsdPerGb: input('Traffic out', '$/GB', 0.09, [0, 10]),
    telemetryUsdPerGb: input('Telemetry ingested', '$/GB', 0.5, [0, 100], [0.1, 3]),
    requestsPerUser: input('Requests per user and month', 'count', 300, [0, 1e9]),
  },
  formulas: [
    'app = CPU / busy share × price per CPU-second; database the same, statements × CPU each',
    'traffic = bytes × price; telemetry = bytes × price',
    'per user = requests per user × cost per request',
  ],
  uncertainty:
    'Marginal cost: people, support and the smallest machine that must run are not in it (holdfast advise tco). Prices are list prices: put in yours.',
  sources: [sources.fargatePrices],
  compute(values) {
    const busy = values.busyPercent / 100
    const second = (ms: number, hourUsd: number) => (ms / 1000 / busy / 3600) * hourUsd * 1e6
    const app = second(values.cpuMs, values.cpuHourUsd)
    const database = second(values.statements * values.statementMs, values.databaseCpuHourUsd)
    const traffic = values.responseKb * values.egressUsdPerGb
    const telemetry = values.telemetryKb * values.telemetryUsdPerGb
    const million = app + database + traffic + telemetry
    const parts = { app, database, traffic, telemetry }
    return {
      figures: [
        figure('App', app, '$ per million requests'),
        figure('Database', database, '$ per million requests'),
        figure('Traffic', traffic, '$ per million requests'),
        figure('Telemetry', telemetry, '$ per million requests'),
        figure('Together', million, '$ per million requests'),
        figure('Per user', (million / 1e6) * values.requestsPerUser, '$/month'),
      ],
      reading: [`The largest part is ${largest(parts)}: begin there.`],
      chart: {
        title: 'Cost of a million requests',
        unit: '$',
        bars: Object.entries(parts).map(([label, value]) => ({ label, value })),
      },
    }
  },
})

function largest(parts: Readonly<Record<string, number>>): string {
  const [name = ''] = Object.entries(parts).sort(([, left], [, right]) => right - left)[0] ?? []
  return name
}

/** Prices of one region on the day its sources were checked. */
const FUNCTION_REQUEST_USD = 0.2 / 1e6
const FUNCTION_GB_SECOND_USD = 0.00001667
const TASK_CPU_HOUR_USD = 0.04048
const TASK_GB_HOUR_USD = 0.004445
const TASK_CPU_MIN = 0.5
const TASK_GB_PER_CPU = 2
/** Machines paid for years, without the platform's share: a third to a half of on-demand. */
const OWN_FACTOR = 0.45
const OWN_CPU_MIN = 4

export interface ComputeLoad {
  readonly requestsPerDayMillion: number
  readonly wallMs: number
  readonly cpuMs: number
  readonly memoryMb: number
  readonly busyPercent: number
}

export function functionsUsd({ requestsPerDayMillion, wallMs, memoryMb }: ComputeLoad): number {
  const requests = requestsPerDayMillion * 1e6 * MONTH_DAYS
  const gbSeconds = requests * (wallMs / 1000) * (memoryMb / 1024)
  return requests * FUNCTION_REQUEST_USD + gbSeconds * FUNCTION_GB_SECOND_USD
}

function coresOf({ requestsPerDayMillion, cpuMs, busyPercent }: ComputeLoad): number {
  const meanCores = (requestsPerDayMillion * 1e6 * (cpuMs / 1000)) / 86_400
  return meanCores / (busyPercent / 100)
}

function tasksUsdFor(cores: number): number {
  return cores * (TASK_CPU_HOUR_USD + TASK_GB_PER_CPU * TASK_GB_HOUR_USD) * MONTH_HOURS
}

export function containersUsd(load: ComputeLoad): number {
  return tasksUsdFor(Math.max(TASK_CPU_MIN, coresOf(load)))
}

function machinesUsd(load: ComputeLoad): number {
  return OWN_FACTOR * tasksUsdFor(Math.max(OWN_CPU_MIN, coresOf(load)))
}

export const tcoCalculator = calculator({
  id: 'tco',
  title: 'Total cost of ownership',
  rule: 'Add the people: compute is rarely the largest part below tens of millions of requests a day.',
  question: 'Functions, containers or own machines: what does each cost in all?',
  inputs: {
    requestsPerDayMillion: input('Requests per day', 'million', 1, [0, 1e6]),
    wallMs: input('Time of a request', 'ms', 50, [0.1, 1e6]),
    cpuMs: input('CPU of a request', 'ms', 10, [0.01, 1e6]),
    memoryMb: input('Memory of a function', 'MB', 512, [128, 10_240]),
    busyPercent: input('How busy tasks and machines are on average', '%', 40, [1, 100], [25, 60]),
    databaseUsd: input('Database', '$/month', 200, [0, 1e8]),
    engineerUsd: input('An engineer', '$/month', 12_000, [0, 1e6]),
    functionsPeoplePercent: input('People for functions', '% of an engineer', 3, SHARE, [1, 5]),
    containersPeoplePercent: input('People for containers', '% of an engineer', 6, SHARE, [3, 10]),
    machinesPeoplePercent: input('People for machines', '% of an engineer', 60, SHARE, [40, 100]),
  },
  formulas: [
    'functions = requests × ($0.20 per million + time × memory × $0.00001667 per GB-s)',
    'containers = max(0.5, CPU / busy) vCPU × ($0.04048 + 2 GB × $0.004445) × 730.5 h',
    'machines = 0.45 × the same, from 4 vCPU; each + database + its share of an engineer',
  ],
  uncertainty:
    'List prices of one region, without free tier, egress and logs. The shares of people are the least certain and the largest part: put in your own.',
  sources: [sources.lambdaPrices, sources.fargatePrices],
  compute(values) {
    const load: ComputeLoad = values
    const people = (percent: number) => (percent / 100) * values.engineerUsd + values.databaseUsd
    const totals = {
      functions: functionsUsd(load) + people(values.functionsPeoplePercent),
      containers: containersUsd(load) + people(values.containersPeoplePercent),
      machines: machinesUsd(load) + people(values.machinesPeoplePercent),
    }
    const cheapest = Object.entries(totals).sort(([, left], [, right]) => left - right)[0]?.[0]
    return {
      figures: [
        figure('Functions, compute', functionsUsd(load), '$/month'),
        figure('Containers, compute', containersUsd(load), '$/month'),
        figure('Machines, compute', machinesUsd(load), '$/month'),
        figure('Functions in all', totals.functions, '$/month'),
        figure('Containers in all', totals.containers, '$/month'),
        figure('Machines in all', totals.machines, '$/month'),
        ...[0, 1, 100].flatMap((million) => {
          const at = { ...load, requestsPerDayMillion: million }
          return [
            figure(`Functions, compute at ${million} M/day`, functionsUsd(at), '$/month'),
            figure(`Containers, compute at ${million} M/day`, containersUsd(at), '$/month'),
          ]
        }),
      ],
      reading: [`Cheapest in all at these numbers: ${cheapest}.`],
      chart: {
        title: 'In all, per month',
        unit: '$',
        bars: Object.entries(totals).map(([label, value]) => ({ label, value })),
      },
    }
  },
})

export const latencyCalculator = calculator({
  id: 'latency',
  title: 'Latency and conversion',
  rule: 'Latency may cost sales; how much is a guess until you have delayed some users on purpose.',
  question: 'What may slower replies cost?',
  inputs: {
    delayMs: input('Added (or saved) time of a page', 'ms', 200, [0, 60_000]),
    sessionsPerMonth: input('Sessions per month', '1/month', 100_000, [0, 1e11]),
    conversionPercent: input('Sessions that buy', '%', 2.5, SHARE),
    orderUsd: input('Value of an order', '$', 60, [0, 1e7]),
    lossPercentPer100Ms: input(
      'Conversions lost per 100 ms (relative): 0 in several tests, 2.4 in desktop retail 2017',
      '%',
      0.7,
      SHARE,
      [0, 2.4],
    ),
  },
  formulas: [
    'conversion after = conversion × (1 − loss)^(delay / 100 ms), relative loss per 100 ms',
    'per month = sessions × (conversion − conversion after) × order value',
  ],
  uncertainty:
    'The published figures are correlations of large shops: slow pages are also the heavy ones, on worse phones. They do not carry over to a form or a B2B product. The range begins at zero for that reason: run a test that delays 1 % of users.',
  sources: [sources.conversionStudy],
  compute(values) {
    const { sessionsPerMonth, orderUsd } = values
    const before = values.conversionPercent / 100
    const after = (delayMs: number) =>
      before * (1 - values.lossPercentPer100Ms / 100) ** (delayMs / 100)
    const perMonth = (delayMs: number) => sessionsPerMonth * (before - after(delayMs)) * orderUsd
    return {
      figures: [
        figure('Conversion before', before * 100, '%'),
        figure('Conversion after', after(values.delayMs) * 100, '%'),
        figure('Orders lost', sessionsPerMonth * (before - after(values.delayMs)), '1/month'),
        figure('Revenue lost', perMonth(values.delayMs), '$/month'),
      ],
      reading: [
        'Use the low end for a decision that needs money back; the high end only to justify a test.',
      ],
      chart: {
        title: 'Revenue lost per month by delay, at the middle of the range',
        unit: '$',
        bars: [50, 100, 200, 500, 1000].map((delayMs) => ({
          label: `${delayMs} ms`,
          value: perMonth(delayMs),
        })),
      },
    }
  },
})
