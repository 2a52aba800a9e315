/** Availability, error budgets and burn rates. */
import { calculator, figure, input } from '../calculator.ts'
import { sources } from '../sources.ts'

/** The mean month: a year of 365.25 days by twelve. */
const MONTH_MINUTES = (365.25 * 24 * 60) / 12

export const availabilityCalculator = calculator({
  id: 'availability',
  title: 'Availability target',
  rule: 'A target is an amount of downtime, of money at risk and of work: choose it by what an hour costs.',
  question: 'What does an availability target allow, and what is it worth?',
  inputs: {
    targetPercent: input('Availability that is promised', '%', 99.9, [0, 100]),
    revenuePerHourUsd: input('Revenue per hour that depends on it', '$', 500, [0, 1e9]),
    lostPercent: input('Revenue of an outage that never comes back', '%', 60, [0, 100], [30, 100]),
    monthlyFeeUsd: input('Monthly fees under the promise', '$', 20_000, [0, 1e10]),
    creditPercent: input('Credit for a missed month', '%', 10, [0, 100]),
    dependencies: input('Dependencies that must all be up', 'count', 3, [0, 1000]),
    dependencyPercent: input('Availability of each', '%', 99.95, [0, 100], [99.9, 99.99]),
  },
  formulas: [
    'downtime = (1 − target) × period (month 730.5 h, year 8766 h)',
    'at risk per year = downtime × revenue per hour × share that never comes back',
    'reachable = product of the availabilities of what must be up; yours comes on top',
    'penalty of one missed month = fees × credit',
  ],
  uncertainty:
    'Revenue is not spread evenly: an outage falls on your busiest hour more often than chance, since load causes it. Dependencies fail together more often than apart.',
  sources: [sources.burnRates],
  compute(values) {
    const down = 1 - values.targetPercent / 100
    const reachable = (values.dependencyPercent / 100) ** values.dependencies
    const atRisk = ((down * MONTH_MINUTES * 12) / 60) * values.revenuePerHourUsd
    return {
      figures: [
        figure('Downtime per month', down * MONTH_MINUTES, 'min'),
        figure('Downtime per year', (down * MONTH_MINUTES * 12) / 60, 'h'),
        figure('Revenue at risk', (atRisk * values.lostPercent) / 100, '$/year'),
        figure(
          'Credit for one missed month',
          (values.monthlyFeeUsd * values.creditPercent) / 100,
          '$',
        ),
        figure('Reachable with these dependencies', reachable * 100, '%'),
        figure('Their downtime alone', (1 - reachable) * MONTH_MINUTES, 'min/month'),
      ],
      reading: [
        reachable < values.targetPercent / 100
          ? 'The dependencies alone break the promise: cut one out of the path of a request, or give it a fallback.'
          : 'The dependencies leave room; what remains of the budget is for your deploys and mistakes.',
        'Each further nine costs about ten times the effort of the one before: automation, then redundancy, then no person in the path.',
      ],
      chart: {
        title: 'Downtime per month by target',
        unit: 'min',
        bars: [99, 99.5, 99.9, 99.95, 99.99, 99.999].map((percent) => ({
          label: `${percent} %`,
          value: (1 - percent / 100) * MONTH_MINUTES,
        })),
      },
    }
  },
})

export interface BurnAlert {
  readonly name: string
  readonly budgetShare: number
  readonly windowHours: number
}

/** Google SRE workbook, chapter 5; each with a short window of a twelfth beside it. */
export const burnAlerts: readonly BurnAlert[] = [
  { name: 'Page: 2 % of the budget in 1 h', budgetShare: 0.02, windowHours: 1 },
  { name: 'Page: 5 % of the budget in 6 h', budgetShare: 0.05, windowHours: 6 },
  { name: 'Ticket: 10 % of the budget in 3 days', budgetShare: 0.1, windowHours: 72 },
]

/** Spends the share of the budget in just that window. */
export function burnRateOf({ budgetShare, windowHours }: BurnAlert, periodHours: number): number {
  return (budgetShare * periodHours) / windowHours
}

export const sloCalculator = calculator({
  id: 'slo',
  title: 'Error budget and burn rate',
  rule: 'Alert on how fast the budget burns, over a long and a short window at once.',
  question: 'How much may fail, how fast is it burning, and when should somebody be woken?',
  related: ['slo-burn-rate', 'alert-without-runbook'],
  inputs: {
    objectivePercent: input('Objective', '%', 99.9, [0, 99.9999999]),
    windowDays: input('Window of the objective', 'days', 30, [1, 366]),
    requestsPerDay: input('Requests per day', '1/day', 1e6, [0, 1e12]),
    errorPercent: input('Requests that fail now', '%', 1, [0, 100]),
  },
  formulas: [
    'budget = 1 − objective; burn rate = error share / budget; gone in window / burn rate',
    'alert threshold = share of the budget × window / alert window: 2 % in 1 h of 30 days = 14.4',
    'time to alert ≈ alert window × threshold / burn rate (from zero errors before)',
  ],
  uncertainty:
    'Assumes an even load: at night the same share of errors is fewer users. With few requests one error is a large share: below about 1,000 a day count journeys or use probes.',
  sources: [sources.burnRates],
  compute({ objectivePercent, windowDays, requestsPerDay, errorPercent }) {
    const budget = 1 - objectivePercent / 100
    const burn = errorPercent / 100 / budget
    const periodHours = windowDays * 24
    const alerts = burnAlerts.map((alert) => ({ alert, rate: burnRateOf(alert, periodHours) }))
    return {
      figures: [
        figure('Budget', budget * requestsPerDay * windowDays, 'requests'),
        figure('Budget as full outage', budget * periodHours * 60, 'min'),
        figure('Burn rate now', burn, '×'),
        figure('Budget gone in', burn > 0 ? periodHours / burn : Number.POSITIVE_INFINITY, 'h'),
        ...alerts.map(({ alert, rate }) => figure(alert.name, rate, '× burn')),
        ...alerts.map(({ alert, rate }) =>
          figure(
            `${alert.name.split(':')[0]} of ${alert.windowHours} h fires after`,
            burn > rate ? (alert.windowHours * rate * 60) / burn : Number.POSITIVE_INFINITY,
            'min',
          ),
        ),
      ],
      reading: [sloReading(burn, alerts[0]?.rate ?? 0, alerts[1]?.rate ?? 0)],
      chart: {
        title: 'Hours until the budget is gone, by error share',
        unit: 'h',
        bars: [0.1, 0.5, 1, 5, 20, 100].map((percent) => ({
          label: `${percent} %`,
          value: periodHours / (percent / 100 / budget),
        })),
      },
    }
  },
})

function sloReading(burn: number, fast: number, slow: number): string {
  if (burn > fast) return 'Wake somebody: at this rate the budget is gone within days or hours.'
  if (burn > slow) return 'Wake somebody if it lasts: a fast burn over six hours.'
  if (burn > 1) return 'A ticket: slower than a page, faster than the budget allows.'
  return 'Within budget: spend the rest on change.'
}
