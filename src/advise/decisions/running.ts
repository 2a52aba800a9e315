/** Decisions about knowing that it works. */
import { above, all, any, below, decision, is, no, yes } from '../decision.ts'
import { sources } from '../sources.ts'

export const observability = decision({
  id: 'observability',
  title: 'Logging, tracing and sampling',
  rule: 'One structured line and one span per request, by the framework itself; sample by the head until budget forces the tail.',
  question: 'Which logging and tracing stack, and what is kept?',
  version: '2026-11-21',
  related: ['structured-logs', 'tracing', 'logging-afterthought'],
  options: {
    logs: {
      name: 'Structured logs and metrics, no tracing yet',
      cost: 'where time goes across calls is guessed',
    },
    'head-sampling': {
      name: 'OpenTelemetry, sampled at the head',
      cost: 'rare errors are mostly not in the sample',
    },
    'tail-sampling': {
      name: 'OpenTelemetry with a collector that samples at the tail',
      cost: 'a collector with memory for every open trace, and all spans sent to it',
    },
    everything: {
      name: 'OpenTelemetry, every trace kept',
      cost: 'about 1 kB per span: at 100 requests a second and 10 spans, 86 GB a day',
    },
  },
  branches: [
    {
      when: all(below('services', 2), below('requestsPerSecond', 20), no('onCall')),
      pick: 'logs',
      why: 'One process and little load: a structured line per request with its id and time answers nearly all questions.',
    },
    {
      when: below('requestsPerSecond', 20),
      pick: 'everything',
      why: 'At this rate every trace fits the budget; sampling would only hide things.',
    },
    {
      when: all(above('requestsPerSecond', 500), any(above('services', 3), yes('moneyOrStock'))),
      pick: 'tail-sampling',
      why: 'Errors and slow requests are what you look for, and at this rate only a decision at the end can keep all of them.',
    },
  ],
  otherwise: {
    pick: 'head-sampling',
    why: 'Simple and cheap: a fixed share, the same decision in every service; logs and metrics stay whole.',
  },
  notes: [
    {
      when: above('requestsPerSecond', 500, 'measured'),
      say: 'Take spans from the framework: patch-based instrumentation costs 25 to 62 µs of CPU a request, even when 1 % is sampled; spans emitted by the framework cost 3 to 13.',
    },
    {
      when: yes('onCall'),
      say: 'Alert on burn rates of what users feel, each alert with a runbook and an owner (holdfast advise slo).',
    },
    {
      when: below('tracesBudgetGbPerDay', 1),
      say: 'Under 1 GB a day keep errors and slow requests only, and 1 % of the rest; metrics from all of them.',
    },
  ],
  flips: [
    { at: 'an incident in which the failing trace was not sampled', to: 'tail-sampling' },
    { at: 'telemetry costs more than a tenth of compute', to: 'head-sampling' },
  ],
  measure: [
    'bytes per request in logs and spans',
    'CPU with and without instrumentation, side by side',
  ],
  uncertainty: 'Span sizes differ threefold with attributes; measure a day before you buy.',
  sources: [sources.sampling, sources.logging, sources.burnRates],
})

export const testingMix = decision({
  id: 'testing-mix',
  title: 'Mix of tests',
  rule: 'Most tests through operations on a real database; units where there is logic; few through the browser; contracts where others depend.',
  question: 'Which tests, and how many of each?',
  version: '2026-11-21',
  related: ['test-real-database', 'contract-tests'],
  options: {
    integrated: {
      name: 'Mostly operations on a real database (about 70 %), units for logic (25 %), a few end to end',
      cost: 'needs a database per test in well under a second',
    },
    pyramid: {
      name: 'The pyramid: mostly units (70 %), some integration (20 %), few end to end',
      cost: 'mocks of the database agree with the code, not with the database',
    },
    contracts: {
      name: 'Integrated tests, and contract tests against every consumer',
      cost: 'consumers must take part',
    },
    explored: {
      name: 'Integrated tests, and exploration of crashes, redeliveries and interleavings',
      cost: 'minutes of CI; invariants must be written down',
    },
  },
  branches: [
    {
      when: all(yes('moneyOrStock'), yes('crossRowRules')),
      pick: 'explored',
      why: 'What loses money happens between two requests: examples do not find it, systematic interleavings and crashes do.',
    },
    {
      when: yes('contractsWithOthers'),
      pick: 'contracts',
      why: 'Others break when you change: check the description against replies, and breaking changes in CI.',
    },
    {
      when: all(no('sqlInTests'), is('strongestConstraint', 'cpu', 'data', 'safety')),
      pick: 'pyramid',
      why: 'The logic is in functions, not in SQL: units find most for least.',
    },
  ],
  otherwise: {
    pick: 'integrated',
    why: 'The bugs live in statements, constraints and transactions; a test that does not run them tests something else.',
  },
  notes: [
    {
      when: yes('sqlInTests'),
      say: 'A template copied per test is ready in 0.1 to 0.3 s: no mocks of the database are needed for speed.',
    },
    {
      when: above('engineers', 20),
      say: 'A strategy of tests across services and teams is a question for quality: this advice ends at one service.',
    },
  ],
  flips: [
    { at: 'the suite takes longer than ten minutes on a laptop', to: 'pyramid' },
    { at: 'an incident that two concurrent requests caused', to: 'explored' },
  ],
  measure: [
    'bugs of the last quarter by the kind of test that would have found them',
    'minutes from push to answer, and share of flaky runs',
  ],
  uncertainty: 'Percentages are shares of tests, not aims: count what found bugs.',
  sources: [sources.testPyramid],
})
