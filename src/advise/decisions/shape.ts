/** Decisions about the shape of the system and where it runs. */
import { above, all, any, below, decision, is, no, yes } from '../decision.ts'
import { sources } from '../sources.ts'

export const serviceShape = decision({
  id: 'service-shape',
  title: 'Monolith, modules or services',
  rule: 'One deployable with modules that own their tables; extract a service for a reason with a number.',
  question: 'One program, modules in one program, or several services?',
  version: '2026-11-21',
  related: ['premature-microservices', 'implicit-coupling'],
  options: {
    modules: {
      name: 'One deployable of modules, each owning its tables',
      cost: 'needs a check that modules keep to their contracts; one release train',
    },
    extract: {
      name: 'Modules, with one or two extracted services',
      cost: 'each extraction brings a network, versions, an on-call and a consistency problem',
    },
    services: {
      name: 'Services per team',
      cost: 'a platform team (about one engineer in eight), tracing, contracts, sagas in place of transactions',
    },
    monolith: { name: 'A plain monolith', cost: 'boundaries are lost within a year' },
  },
  branches: [
    {
      when: all(above('teams', 5), above('engineers', 40)),
      pick: 'services',
      why: 'More than five teams wait for each other in one release train; the coordination now costs more than the network would.',
    },
    {
      when: any(
        above('teams', 2),
        all(is('strongestConstraint', 'cpu', 'data'), above('engineers', 5)),
        above('largestTenantPercent', 60),
      ),
      pick: 'extract',
      why: 'One part has another rhythm, language or load than the rest: extract that part, and only that one.',
    },
    {
      when: all(below('engineers', 3), below('requestsPerSecond', 50), no('moneyOrStock')),
      pick: 'monolith',
      why: 'Two people and little load: folders are boundaries enough for now.',
    },
  ],
  otherwise: {
    pick: 'modules',
    why: 'Calls stay function calls and changes stay transactions; the boundaries that a service would need are already there when one is needed.',
  },
  notes: [
    {
      when: above('services', 1),
      say: 'If two services change together in more than a third of the commits, they are one: merging them back is progress.',
    },
    {
      when: above('services', 10),
      say: 'The topology of this many services is a question of architecture: this advice ends at one service and its neighbours.',
    },
  ],
  flips: [
    {
      at: 'a module needs another scale, runtime or release rhythm for two quarters in a row',
      to: 'extract',
    },
    { at: 'more than half of the releases wait for another team', to: 'services' },
  ],
  measure: [
    'lead time from merge to production, and how much of it is waiting for others',
    'which folders change together: git log --name-only, pairs per commit',
  ],
  uncertainty:
    'The bounds in people and teams are experience, not measurement; how independent the domains are matters more.',
  sources: [sources.monolithFirst, sources.saga],
})

export const scaling = decision({
  id: 'scaling',
  title: 'Scaling: the next step',
  rule: 'Find the full resource; make the work smaller; then the machine larger; only then more machines.',
  question: 'What is the next step when load doubles?',
  version: '2026-11-21',
  options: {
    'cheaper-work': {
      name: 'Make the work cheaper (statements, indexes, batches, payloads)',
      cost: 'an engineer, for days',
    },
    vertical: {
      name: 'A larger machine',
      cost: 'a restart, money, and an end: the largest there is',
    },
    'app-processes': {
      name: 'More stateless app processes behind a balancer',
      cost: 'connections to the database multiply; caches and limits must be shared',
    },
    replicas: {
      name: 'Read replicas, with read-your-writes',
      cost: 'stale reads unless gated: 641 of 1000 naive reads on a replica were stale',
    },
    partition: {
      name: 'Partitioned tables',
      cost: 'the key must be in every unique constraint and most queries',
    },
    shard: {
      name: 'Sharding by tenant or key',
      cost: 'joins and transactions across shards are slow or missing; months of work, nine in a published account for the first table',
    },
  },
  branches: [
    {
      when: all(below('databaseCpuPercent', 60), above('appCpuPercent', 60)),
      pick: 'app-processes',
      why: 'The app is full and the database is not: processes that keep no state are the cheapest thing to add.',
    },
    {
      when: all(
        below('databaseCpuPercent', 60),
        below('appCpuPercent', 61),
        above('cacheHitPercent', 95),
      ),
      pick: 'cheaper-work',
      why: 'Neither side is full: latency comes from round trips, locks or waits, which no machine mends.',
    },
    {
      when: all(below('cacheHitPercent', 95), below('dataGb', 500)),
      pick: 'vertical',
      why: 'The working set does not fit in memory, and memory for it can still be bought in one machine.',
    },
    {
      when: all(
        above('databaseCpuPercent', 60),
        above('readsPerWrite', 5),
        above('requestsPerSecond', 1000),
      ),
      pick: 'replicas',
      why: 'Mostly reads: they can be answered elsewhere, where a read may be gated on what its user wrote.',
    },
    {
      when: all(above('writesPerSecond', 20_000), above('dataGb', 2000)),
      pick: 'shard',
      why: 'Writes and size beyond one writer, after batching: divide by the key that every query already has.',
    },
    {
      when: above('largestTableGb', 100),
      pick: 'partition',
      why: 'One table carries the weight: by time or tenant, its indexes, vacuum and deletes become small again.',
    },
  ],
  otherwise: {
    pick: 'vertical',
    why: 'Doubling one machine is an afternoon; everything after it changes the code.',
  },
  notes: [
    {
      when: above('appProcesses', 10),
      say: 'Processes times pool must stay below what the database serves well (holdfast advise pool); put a transaction pooler between, and keep session state out of transactions.',
    },
    {
      when: above('databaseCpuPercent', 80, 'documented'),
      say: 'Above 80 % a queue forms: at 80 % of one server work waits four times its service time, at 90 % nine times (M/M/1).',
    },
  ],
  flips: [
    {
      at: 'throughput falls when load rises (the retrograde of the scalability law)',
      to: 'cheaper-work',
    },
  ],
  measure: [
    'two points of load and throughput, then: holdfast advise scale',
    'pg_stat_activity by wait_event_type at the peak: CPU, IO, Lock, Client',
  ],
  uncertainty:
    'One machine carries more than most believe; published sharding projects began at billions of rows and tables of several terabytes, when vacuum fell behind or writes neared the limit of the disks.',
  sources: [sources.figmaShards, sources.notionShards, sources.pgStandby, sources.scalabilityLaw],
})

/** Languages that are also options; JavaScript is what is left. */
const TEAM_LANGUAGES = ['go', 'python', 'jvm', 'dotnet', 'rust'] as const

export const framework = decision({
  id: 'framework',
  title: 'Framework and language',
  rule: 'The strongest constraint decides; without one, what the team writes best.',
  question: 'Which language and framework for a new backend?',
  version: '2026-11-21',
  options: {
    node: {
      name: 'TypeScript on Node (Holdfast where writes must hold; Fastify or Hono otherwise)',
      cost: 'one core per process; CPU-bound work must leave the event loop',
    },
    go: {
      name: 'Go with its standard library',
      cost: 'more code per feature, weaker types at the boundary',
    },
    rust: { name: 'Rust (axum)', cost: 'slower to change; fewer people' },
    python: { name: 'Python (FastAPI)', cost: 'about a tenth of the throughput per core' },
    jvm: {
      name: 'Kotlin or Java with Spring Boot',
      cost: 'memory and start-up; a large framework to know',
    },
    dotnet: { name: 'C# on ASP.NET Core', cost: 'a stack of its own' },
    worker: {
      name: 'TypeScript at the edge (Hono on Workers)',
      cost: 'no TCP pools of your own, limits on CPU time, the database is far',
    },
  },
  branches: [
    {
      when: is('strongestConstraint', 'edge'),
      pick: 'worker',
      why: 'Code next to users runs in an isolate: what runs there is decided by the platform.',
    },
    {
      when: is('strongestConstraint', 'data'),
      pick: 'python',
      why: 'Models and numerics live there; keep the transactional part apart if it grows.',
    },
    {
      when: is('strongestConstraint', 'safety'),
      pick: 'rust',
      why: 'No collector pauses and no data races, checked by the compiler.',
    },
    {
      when: all(is('strongestConstraint', 'cpu'), is('language', 'rust')),
      pick: 'rust',
      why: 'CPU-bound on all cores of one process, without a collector, and the team knows it already.',
    },
    {
      when: all(is('strongestConstraint', 'cpu'), is('language', 'jvm')),
      pick: 'jvm',
      why: 'CPU-bound on all cores of one process, in what the team knows.',
    },
    {
      when: all(is('strongestConstraint', 'cpu'), is('language', 'dotnet')),
      pick: 'dotnet',
      why: 'CPU-bound on all cores of one process, in what the team knows.',
    },
    {
      when: is('strongestConstraint', 'cpu'),
      pick: 'go',
      why: 'All cores in one process with a small language, learnt in weeks.',
    },
    {
      when: all(is('strongestConstraint', 'enterprise'), is('language', 'dotnet')),
      pick: 'dotnet',
      why: 'One stack with long support, audits and hiring to match.',
    },
    {
      when: is('strongestConstraint', 'enterprise'),
      pick: 'jvm',
      why: 'Long support, audits and hiring; outbox and modules are there (Spring Modulith).',
    },
    ...TEAM_LANGUAGES.map((language) => ({
      when: all(is('strongestConstraint', 'team'), is('language', language)),
      pick: language,
      why: 'The team writes it best, and no constraint is stronger than that: what is known well fails least.',
    })),
  ],
  otherwise: {
    pick: 'node',
    why: 'One language on both sides, types at the boundary, and a database that is the limit long before the language is.',
  },
  notes: [
    {
      when: above('requestsPerSecond', 5000, 'measured'),
      say: 'Do not choose by "hello world": a bare Node server needs 14 µs of CPU a request, a hardened one 50 to 120 µs, patch-based tracing alone adds 25 to 62 µs.',
    },
    {
      when: yes('moneyOrStock'),
      say: 'What loses or doubles money is not the language but transactions, idempotency and outbox: see which framework makes them hold by default.',
    },
  ],
  flips: [{ at: 'event-loop delay p99 above 50 ms at half of the expected load', to: 'go' }],
  measure: [
    'CPU per request of your own slowest endpoint, not of an empty one',
    'p99 of event-loop delay',
  ],
  uncertainty:
    'Throughput ratios between languages move with every release; the order within a factor of two is noise.',
  sources: [sources.fastifyBenchmarks, sources.workersLimits],
})

export const deployment = decision({
  id: 'deployment',
  title: 'Deployment',
  rule: 'Containers on a managed platform; functions for what mostly sleeps; machines for what never does.',
  question: 'Functions, containers or machines, and what does each cost?',
  version: '2026-11-21',
  options: {
    functions: {
      name: 'Functions (Lambda and the like)',
      cost: 'linear in requests, cold starts, a connection per instance: needs a pooler',
    },
    containers: {
      name: 'Containers on a managed platform (Fargate, Cloud Run, Fly)',
      cost: 'the smallest two tasks run all night',
    },
    machines: {
      name: 'Machines or a cluster of your own',
      cost: 'somebody patches, replaces and is woken for them: count half an engineer at least',
    },
  },
  branches: [
    {
      when: all(
        below('requestsPerDayMillion', 0.5),
        above('idlePercent', 50),
        below('requestSeconds', 30),
      ),
      pick: 'functions',
      why: 'It mostly sleeps: paid per request it costs cents, where two always-on tasks cost about $18 a month.',
    },
    {
      when: all(
        is('operators', 'nobody'),
        below('requestsPerDayMillion', 2),
        below('requestSeconds', 30),
      ),
      pick: 'functions',
      why: 'Nobody runs machines and the load is small: let the platform do all of it.',
    },
    {
      when: all(
        above('requestsPerDayMillion', 50),
        is('operators', 'team'),
        below('peakToMean', 6),
      ),
      pick: 'machines',
      why: 'A steady, large load with people who run machines: capacity bought for years costs a third to a half of the same on demand.',
    },
  ],
  otherwise: {
    pick: 'containers',
    why: 'Long-lived processes keep pools, caches and background loops; the platform replaces them and you pay for what you reserve.',
  },
  notes: [
    {
      when: above('requestsPerDayMillion', 0),
      say: 'A request of 50 ms at 512 MB, of which 10 ms are CPU, costs in compute per month: at none a day $0 as a function and $18 as two 0.25-vCPU tasks; at 1 million a day $19 (before the free tier) and $18; at 100 million a day $1,880 and about $700 (tasks 60 % busy). Compute yours: holdfast advise cost, holdfast advise tco.',
    },
    {
      when: above('peakToMean', 8),
      say: 'Peaks of more than eight times the mean: scale on concurrency, not CPU, and keep headroom for the minutes that new tasks need.',
    },
    {
      when: above('requestSeconds', 29, 'documented'),
      say: 'API Gateway ends a request after 29 s (HTTP APIs after 30; Regional and private REST APIs may ask for more), a function ends after 15 minutes: answer 202 and work in the background.',
    },
    {
      when: above('services', 20),
      say: 'Provisioning of this much infrastructure is a question for operations: this advice ends at the shape of one service.',
    },
  ],
  flips: [
    {
      at: 'the function bill passes that of the containers that would do the same (about 1 million requests a day of 50 ms)',
      to: 'containers',
    },
    { at: 'compute above about $10,000 a month, steady', to: 'machines' },
  ],
  measure: [
    'CPU seconds per request (not wall time), and peak over mean by hour',
    'share of requests that hit a cold start, and their p99',
  ],
  uncertainty:
    'Prices are list prices of one region on the day they were checked; logs, egress and the database usually cost more than compute.',
  sources: [
    sources.lambdaPrices,
    sources.fargatePrices,
    sources.lambdaLimits,
    sources.gatewayTimeout,
  ],
})

export const edgeOrOrigin = decision({
  id: 'edge-or-origin',
  title: 'Edge or origin',
  rule: 'Static and public at the edge; what reads or writes the database beside the database.',
  question: 'Should code run at the edge?',
  version: '2026-11-21',
  options: {
    origin: {
      name: 'Origin beside the database, a CDN for static files',
      cost: 'far users wait one long round trip per request',
    },
    'edge-cache': {
      name: 'Origin, with public replies cached at the edge',
      cost: 'purging must be exact, and private replies must never be stored',
    },
    'edge-code': {
      name: 'Code at the edge for what needs no database',
      cost: 'a second runtime with limits; each call to the database crosses the distance',
    },
    regions: {
      name: 'Replicas of app and data per region',
      cost: 'stale reads or long writes; a data-residency question as well',
    },
  },
  branches: [
    {
      when: all(above('usersFarPercent', 40), above('cacheablePercent', 50)),
      pick: 'edge-cache',
      why: 'Most users are far and most replies are public: serve those near them.',
    },
    {
      when: all(
        above('usersFarPercent', 40),
        below('p95TargetMs', 150),
        above('readsPerWrite', 20),
      ),
      pick: 'regions',
      why: 'Far users with a target that one round trip already breaks, and nearly only reads: bring a copy to them.',
    },
    {
      when: all(above('usersFarPercent', 40), below('writesPerSecond', 5), no('moneyOrStock')),
      pick: 'edge-code',
      why: 'Little state to reach for: routing, redirects, tokens and rendering can run where users are.',
    },
    {
      when: above('cacheablePercent', 70),
      pick: 'edge-cache',
      why: 'What is the same for everybody should not reach the origin, wherever users are.',
    },
  ],
  otherwise: {
    pick: 'origin',
    why: 'A request makes several statements: at 60 ms per crossing, five of them from the edge cost 300 ms, one from the user to the origin 60.',
  },
  notes: [
    {
      when: above('usersFarPercent', 40),
      say: 'Count crossings: user to edge plus statements times edge to database. With more than two statements the origin wins.',
    },
  ],
  flips: [
    {
      at: 'time to first byte is more than half network for users that matter (real-user monitoring)',
      to: 'edge-cache',
    },
  ],
  measure: ['round-trip time by country from real users', 'statements per request'],
  uncertainty: 'Light needs about 1 ms per 100 km and back; real routes take 1.5 to 3 times that.',
  sources: [sources.workersLimits],
})
