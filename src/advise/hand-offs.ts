/** Where this advice ends, and whom to ask instead. */

export interface HandOff {
  readonly id: string
  readonly topic: string
  readonly to: string
  /** What to take along: the part that a backend can answer. */
  readonly bring: string
}

export const handOffs: readonly HandOff[] = [
  {
    id: 'front-end',
    topic: 'Rendering, state and accessibility in the browser or the app',
    to: 'the front end, a domain of its own',
    bring: 'the description of the API, its errors and its latencies',
  },
  {
    id: 'provisioning',
    topic: 'Networks, clusters, certificates, infrastructure as code',
    to: 'operations',
    bring: 'processes, ports, memory, health checks, and the way it shuts down',
  },
  {
    id: 'threat-modelling',
    topic: 'Threat modelling, penetration tests, compliance',
    to: 'security',
    bring: 'who may do what on which row, where secrets lie, the audit log',
  },
  {
    id: 'test-strategy',
    topic: 'A strategy of tests across services and teams',
    to: 'quality',
    bring: 'the invariants of this service and how they are tested',
  },
  {
    id: 'sql-tuning',
    topic: 'Deep SQL tuning, data modelling for analytics',
    to: 'data',
    bring: 'EXPLAIN (ANALYZE, BUFFERS) of the statement, sizes, how often it runs',
  },
  {
    id: 'topology',
    topic: 'The topology of many services, organisation-wide standards',
    to: 'architecture',
    bring: 'the contracts of this service, its objectives and its dependencies',
  },
]
