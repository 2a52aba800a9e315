/** The numbers that pools, loops and clients of other services keep anyway, as metrics. */
import type { Pool, PoolMetrics } from '../database/pool.ts'
import { type AttemptEvent, onOutbound, outboundStates } from '../outbound/outbound-event.ts'
import { DURATION_BOUNDS, type Metrics } from '../runtime/telemetry/metric.ts'
import type { RecentWork } from '../runtime/telemetry/recent-work.ts'
import type { SpanQueue } from '../runtime/telemetry/span-queue.ts'
import { rounded } from '../runtime/telemetry/work-meter.ts'

export type NamedPools = Readonly<Record<string, Pool>>

const COUNTERS = {
  roundTrips: ['round_trips', 'Batches sent to the database, each one round trip.'],
  statements: ['statements', 'Statements sent to the database.'],
  cancels: ['cancels', 'Statements that were asked to be cancelled.'],
  retries: ['retries', 'Transactions and reads that were run again.'],
  commitsInDoubt: ['commits_in_doubt', 'COMMITs whose outcome had to be asked for.'],
} as const

export function observePools(metrics: Metrics, pools: NamedPools): void {
  const each = Object.entries(pools)
  const read = (pick: (numbers: PoolMetrics) => number) => () =>
    each.map(([name, pool]) => ({ labels: [name], value: pick(pool.metrics()) }))
  for (const [field, [name, help]] of Object.entries(COUNTERS)) {
    metrics.read(
      'counter',
      { name: `holdfast_database_${name}_total`, help, labels: ['pool'] },
      read((numbers) => numbers[field as keyof typeof COUNTERS]),
    )
  }
  metrics.read(
    'gauge',
    {
      // Not ..._count: that ending is of histograms, and promtool says so.
      name: 'db_client_connections',
      help: 'Connections to the database.',
      labels: ['db_client_connection_pool_name', 'db_client_connection_state'],
    },
    () =>
      each.flatMap(([name, pool]) => {
        const { connections, idle } = pool.metrics()
        return [
          { labels: [name, 'idle'], value: idle },
          { labels: [name, 'used'], value: connections - idle },
        ]
      }),
  )
  metrics.read(
    'gauge',
    {
      name: 'db_client_connection_pending_requests',
      help: 'Work that waits for a connection.',
      labels: ['db_client_connection_pool_name'],
    },
    read((numbers) => numbers.waiting),
  )
}

/** Where this process exports its traces itself. */
export function observeSpans(metrics: Metrics, queue: SpanQueue | undefined): void {
  if (queue === undefined) return
  metrics.read(
    'counter',
    {
      name: 'holdfast_trace_spans_total',
      help: 'Spans that were exported, that the collector did not take, that the full queue dropped.',
      labels: ['outcome'],
    },
    () => Object.entries(queue.counts).map(([outcome, value]) => ({ labels: [outcome], value })),
  )
}

const BREAKER_STATES = ['closed', 'half-open', 'open'] as const

/** Calls to other services, of all clients in the process; returns the way to stop. */
export function observeOutbound(metrics: Metrics, recent: RecentWork): () => void {
  const attempts = metrics.histogram({
    name: 'http_client_request_duration_seconds',
    help: 'Requests to other services, by how they ended.',
    labels: ['client', 'route', 'outcome'],
    bounds: DURATION_BOUNDS,
  })
  const refused = metrics.counter({
    name: 'holdfast_outbound_refused_total',
    help: 'Calls that were not sent, or not sent again: the breaker is open, no place, no budget.',
    labels: ['client', 'reason'],
  })
  const breaker = { name: 'holdfast_outbound_breaker', help: 'The state of each breaker: 1.' }
  metrics.read('gauge', { ...breaker, labels: ['client', 'state'] }, () =>
    outboundStates().flatMap(({ client, breaker: now }) =>
      BREAKER_STATES.map((state) => ({ labels: [client, state], value: Number(state === now) })),
    ),
  )
  const calls = { name: 'holdfast_outbound_calls', help: 'Calls under way, and those that wait.' }
  metrics.read('gauge', { ...calls, labels: ['client', 'state'] }, () =>
    outboundStates().flatMap(({ client, inFlight, waiting }) => [
      { labels: [client, 'in_flight'], value: inFlight },
      { labels: [client, 'waiting'], value: waiting },
    ]),
  )
  return onOutbound((event) => {
    if (event.kind === 'refused') refused.with(event.client, event.reason).add()
    if (event.kind !== 'attempt') return
    const outcome = event.failure ?? String(event.status)
    attempts.with(event.client, event.route, outcome).observe(event.durationMs / 1000)
    remember(recent, event, outcome)
  })
}

/** For `holdfast trace`: a log line would tell it twice, the attempt's own line tells what it led to. */
function remember(recent: RecentWork, event: AttemptEvent, outcome: string): void {
  const { requestId, tenant, client, route, attempt, trace, startedAtMs, durationMs } = event
  if (requestId === undefined) return
  const fields = { client, route, outcome, attempt, tenant: tenant ?? '', traceId: trace.traceId }
  const told = { ...fields, durationMs: rounded(durationMs) }
  recent.add('call', startedAtMs + durationMs, requestId, told)
}
