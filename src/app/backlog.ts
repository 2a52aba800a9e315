/**
 * How much work waits, as metrics. A process that works on it looks once in a while and tells what it
 * saw last: a scrape asks the database nothing, however many scrape.
 */
import type { Clock } from '../base/clock.ts'
import type { Pool } from '../database/pool.ts'
import type { Registry } from '../operation/registered.ts'
import type { Log } from '../runtime/log.ts'
import { Loop } from '../runtime/loop.ts'
import type { Metrics } from '../runtime/telemetry/metric.ts'
import { type SubscriptionBacklog, subscriptionBacklogs } from '../state/event/event.ts'
import { type JobBacklog, jobBacklogs } from '../state/job/job.ts'

export interface BacklogOptions {
  readonly registry: Registry
  readonly pool: Pool
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

/** As often as scrapers commonly come. */
const LOOK_MS = 15_000

export function backlogLoop({ registry, pool, clock, log, metrics }: BacklogOptions): Loop {
  const queues = [...new Set([...registry.jobs.values()].map(({ contract }) => contract.queue))]
  let jobs: readonly JobBacklog[] = []
  let subscriptions: readonly SubscriptionBacklog[] = []
  const ofJobs = (name: string, help: string, pick: (backlog: JobBacklog) => number) =>
    metrics.read('gauge', { name, help, labels: ['queue'] }, () =>
      jobs.map((backlog) => ({ labels: [backlog.queue], value: pick(backlog) })),
    )
  const ofEvents = (name: string, help: string, pick: (backlog: SubscriptionBacklog) => number) =>
    metrics.read('gauge', { name, help, labels: ['subscription'] }, () =>
      subscriptions.map((backlog) => ({ labels: [backlog.name], value: pick(backlog) })),
    )
  ofJobs('holdfast_jobs_waiting', 'Jobs that are due.', ({ waiting }) => waiting)
  ofJobs('holdfast_jobs_running', 'Jobs that a worker has.', ({ running }) => running)
  ofJobs('holdfast_jobs_dead', 'Jobs whose attempts are used up.', ({ dead }) => dead)
  ofJobs('holdfast_jobs_oldest_seconds', 'Age of the first due job.', (each) => each.oldestSeconds)
  ofEvents('holdfast_subscription_lag_events', 'Positions still to go.', ({ behind }) => behind)
  ofEvents(
    'holdfast_subscription_parked_events',
    'Events that wait or are dead.',
    (one) => one.parked,
  )
  return new Loop({
    name: 'backlog',
    clock,
    log,
    intervalMs: LOOK_MS,
    async turn() {
      if (queues.length > 0) jobs = await jobBacklogs(pool, queues)
      subscriptions = await subscriptionBacklogs(pool)
      return 'idle'
    },
  })
}
