/** Decisions about how data is read. */
import { above, all, below, decision, is, no, yes } from '../decision.ts'
import { sources } from '../sources.ts'

export const queryLayer = decision({
  id: 'query-layer',
  title: 'Query layer',
  rule: 'A typed builder for what is put together at run time, plain SQL for the rest, and the SQL always visible.',
  question: 'SQL, a query builder or an ORM?',
  version: '2026-11-21',
  options: {
    builder: {
      name: 'A typed query builder (Kysely)',
      cost: '50 to 90 µs of client CPU per statement over hand-written SQL',
    },
    sql: {
      name: 'Plain SQL with parameters and checked types',
      cost: 'filters that vary are put together by hand, which is where injection begins',
    },
    orm: {
      name: 'An ORM (Prisma, Drizzle relations, TypeORM)',
      cost: 'statements nobody wrote: N+1, whole rows, transactions of many round trips',
    },
  },
  branches: [
    {
      when: all(is('sqlSkill', 'expert'), no('dynamicQueries')),
      pick: 'sql',
      why: 'Fixed statements by people who read plans gain nothing from a builder, and each can be pasted into psql.',
    },
    {
      when: all(is('sqlSkill', 'low'), no('moneyOrStock'), below('requestsPerSecond', 100)),
      pick: 'orm',
      why: 'At this load the extra round trips are not felt, and the team moves faster with objects; write the ten hottest statements by hand.',
    },
  ],
  otherwise: {
    pick: 'builder',
    why: 'Columns and results are checked by the compiler, the SQL is one-to-one what is written, and statements can be sent in one batch.',
  },
  notes: [
    {
      when: above('requestsPerSecond', 1000, 'measured'),
      say: 'Client CPU per transaction limits Node here: measured for five statements 208 µs raw, 353 µs with Kysely, 509 µs with Drizzle, 66 µs as one batch.',
    },
    {
      when: above('tenants', 1),
      say: 'Choose a layer that can send the tenant context in the same transaction; several ORMs need a transaction per request for it and starve the pool.',
    },
  ],
  flips: [{ at: 'a fifth of a request is spent inside the query layer (CPU profile)', to: 'sql' }],
  measure: [
    'statements per request and per endpoint, in a test that fails above its budget',
    'a CPU profile at the peak: node --cpu-prof',
  ],
  uncertainty:
    'Client CPU was measured on one noisy two-core machine: believe the ratios, not the microseconds.',
  sources: [sources.sqlInjection, sources.fastifyBenchmarks],
})

export const caching = decision({
  id: 'caching',
  title: 'Caching: level and strategy',
  rule: 'First make the read cheap; then cache at the outermost level that can be invalidated exactly.',
  question: 'Is a cache worth it, where, and how is it invalidated?',
  version: '2026-11-21',
  related: ['cache-aside-exact'],
  options: {
    none: {
      name: 'No cache: an index and a shorter query',
      cost: 'the database does the work each time',
    },
    http: {
      name: 'HTTP caching (ETag, max-age, CDN)',
      cost: 'nothing reaches a copy in a browser before it expires',
    },
    process: {
      name: 'In each process, short-lived',
      cost: 'each process is stale on its own; memory times processes',
    },
    shared: {
      name: 'Shared cache-aside (Redis) with tags and single flight',
      cost: 'a second system in the path of reads, and invalidation to get right',
    },
    'read-model': {
      name: 'A read model kept by events',
      cost: 'seconds behind the writes, and must be rebuildable',
    },
  },
  branches: [
    {
      when: all(above('cacheablePercent', 60), above('staleSeconds', 5)),
      pick: 'http',
      why: 'Most replies are the same for everybody and may be seconds old: they should not reach the server at all.',
    },
    {
      when: below('readCostMs', 5),
      pick: 'none',
      why: 'A read of a few milliseconds from the database is as fast as the network to a cache, and always right.',
    },
    {
      when: below('repeatReadsPercent', 30),
      pick: 'none',
      why: 'Fewer than a third of the reads repeat: the hit ratio cannot pay for what is added (holdfast advise cache shows the sum).',
    },
    {
      when: all(below('staleSeconds', 1), above('readCostMs', 100)),
      pick: 'read-model',
      why: 'The read is dear and may not be stale by a fixed time: keep its answer as rows of its own, changed with the facts.',
    },
    {
      when: all(above('staleSeconds', 0), below('appProcesses', 4)),
      pick: 'process',
      why: 'With few processes a map with a time limit and single flight gives nearly all of the hits, with nothing to run.',
    },
    {
      when: above('readCostMs', 20),
      pick: 'shared',
      why: 'Dear reads that repeat across many processes: one copy, invalidated by tag in the same transaction as the write.',
    },
  ],
  otherwise: {
    pick: 'none',
    why: 'The read is cheap enough that an index beats a cache.',
  },
  notes: [
    {
      when: below('cacheHitPercent', 95),
      say: 'The database itself misses its buffers: more memory for shared_buffers, or an index that covers the query, is a cache without invalidation.',
    },
    {
      when: above('repeatReadsPercent', 80),
      say: 'With so many hits, losing the cache multiplies the load on the database: keep single flight and a bound on concurrent fills, and test with an empty cache.',
    },
    {
      when: yes('moneyOrStock'),
      say: 'Never decide on a cached balance or stock: show it, and decide in the transaction.',
    },
  ],
  flips: [
    {
      at: 'the same statement is more than 30 % of total_exec_time after its index is right',
      to: 'shared',
    },
  ],
  measure: [
    'pg_stat_statements: calls and mean_exec_time of the candidate; its share of total time',
    'the ratio of distinct parameters to calls over an hour: that is the best hit ratio there can be',
  ],
  uncertainty:
    'Hit ratios are guessed until they are measured: log keys for an hour before building.',
  sources: [sources.memcacheAtFacebook, sources.pgStatistics],
})

export const pagination = decision({
  id: 'pagination',
  title: 'Pagination',
  rule: 'Keyset cursors for what grows; OFFSET only for what is declared small.',
  question: 'How is a long list handed out?',
  version: '2026-11-21',
  related: ['keyset-pagination', 'offset-deep-page'],
  options: {
    keyset: {
      name: 'Keyset with an opaque cursor',
      cost: 'no jump to page 47, no page numbers',
    },
    offset: {
      name: 'LIMIT and OFFSET',
      cost: 'cost grows with depth, and rows are skipped or doubled when others write',
    },
    'keyset-and-count': {
      name: 'Keyset, with an estimated count and jumps by value (a date, a letter)',
      cost: 'needs a column people can jump by',
    },
    export: { name: 'An export job to a file', cost: 'not for screens' },
  },
  branches: [
    {
      when: all(below('listRows', 1000), yes('jumpToPage')),
      pick: 'offset',
      why: 'A thousand rows are read faster than a cursor is explained; declare the bound and enforce it.',
    },
    {
      when: yes('jumpToPage'),
      pick: 'keyset-and-count',
      why: 'People who jump look for a place, not a number: a filter or a jump by value is exact, and stays fast.',
    },
    {
      when: all(is('callers', 'machines'), above('listRows', 5_000_000)),
      pick: 'export',
      why: 'Programs that want all of millions of rows want a snapshot in a file, not 50,000 requests.',
    },
  ],
  otherwise: {
    pick: 'keyset',
    why: 'A row comparison on an index costs the same at any depth: measured 0.3 ms where OFFSET 900,000 took 213 ms.',
  },
  notes: [
    {
      when: above('listRows', 1000, 'measured'),
      say: 'Write the condition as a row comparison (a, id) < ($1, $2): spelled out with OR it was as slow as OFFSET. Take the cursor from the text of the timestamp: JavaScript dates lost 90 of 100 rows that were 1 µs apart.',
    },
  ],
  flips: [{ at: 'support asks for page numbers more than for search', to: 'keyset-and-count' }],
  measure: ['the depth of pages that are really asked for (log the cursor count per session)'],
  uncertainty: 'How deep people page differs by product; most never pass page three.',
  sources: [sources.noOffset, sources.googlePagination],
})
