/** Decisions about where data lives and how it is kept apart. */
import { above, all, any, below, decision, is, no, yes } from '../decision.ts'
import { sources } from '../sources.ts'

export const database = decision({
  id: 'database',
  title: 'Database',
  rule: 'Start with one Postgres; add another kind of store for a measured need, fed from the first.',
  question: 'Which kind of database holds the truth?',
  version: '2026-11-21',
  related: ['access-pattern-schema'],
  options: {
    postgres: {
      name: 'Relational: one Postgres',
      cost: 'one writer: past its largest machine the data must be divided',
    },
    'postgres-jsonb': {
      name: 'Postgres with JSONB columns',
      cost: 'no column statistics inside a document, and every update writes it whole',
    },
    pgvector: {
      name: 'Postgres with pgvector',
      cost: 'the HNSW index wants to fit in memory, and is somewhat larger than the raw vectors',
    },
    timeseries: {
      name: 'A time-series engine beside Postgres (TimescaleDB, ClickHouse)',
      cost: 'a second store to feed, back up and upgrade; ClickHouse has no transactions with the rest',
    },
    'vector-store': {
      name: 'A vector store beside Postgres',
      cost: 'filters by tenant and permission must be copied there, and forgotten there too',
    },
    graph: {
      name: 'A graph database beside Postgres',
      cost: 'a second query language, few people who run it, and a feed that can lag',
    },
    sharded: {
      name: 'Postgres divided by key (Citus, or shards of your own)',
      cost: 'unique and foreign keys must contain the shard key, transactions across shards see no common snapshot, and every query needs the key',
    },
    document: {
      name: 'A document store (MongoDB)',
      cost: 'joins and cross-document rules move into code; the schema is kept by nobody',
    },
  },
  branches: [
    {
      when: all(is('dataShape', 'measurements'), above('measurementsPerSecond', 20_000)),
      pick: 'timeseries',
      why: 'At this rate row storage costs several times the disk and CPU of compressed columns, and ranges over time are all that is asked.',
    },
    {
      when: all(is('dataShape', 'vectors'), above('vectorsMillion', 20)),
      pick: 'vector-store',
      why: 'An index of tens of millions of vectors outgrows the memory that the rest of the database needs, and building it disturbs everything else.',
    },
    {
      when: is('dataShape', 'vectors'),
      pick: 'pgvector',
      why: 'Neighbours and the rows they belong to are joined and filtered by tenant in one query, under the same policies and the same backup.',
    },
    {
      when: all(is('dataShape', 'paths'), above('hopsMax', 4)),
      pick: 'graph',
      why: 'Paths of unknown, larger depth multiply the rows of each join; an engine that follows pointers does not.',
    },
    {
      when: all(
        is('dataShape', 'documents'),
        no('crossRowRules'),
        no('moneyOrStock'),
        above('writesPerSecond', 20_000),
      ),
      pick: 'document',
      why: 'Documents written and read whole, without rules between them, at a rate that one writer does not take: dividing them is what a document store does by itself.',
    },
    {
      when: is('dataShape', 'documents'),
      pick: 'postgres-jsonb',
      why: 'The varying part fits a JSONB column; what is filtered, joined or promised stays a column with a constraint.',
    },
    {
      when: all(
        is('dataShape', 'records'),
        any(above('writesPerSecond', 50_000), above('dataGb', 10_000)),
      ),
      pick: 'sharded',
      why: 'Past what one writer flushes, or past what one machine restores in a night: divide by the key that every query has (usually the tenant).',
    },
  ],
  otherwise: {
    pick: 'postgres',
    why: 'Records with relations want constraints, joins and transactions; one Postgres has them, with queues, search, JSON and time series good enough for a long while.',
  },
  notes: [
    {
      when: above('writesPerSecond', 5000, 'measured'),
      say: 'Beyond about 5,000 small transactions a second on one machine, count round trips first: batching them gave 2.8 to 3 times as many on the same hardware.',
    },
    {
      when: above('largestTableGb', 100),
      say: 'Partition tables above about 100 GB (by time or tenant) before anything else: vacuum, index builds and deletes work per partition. The manual draws the line where a table outgrows the memory of the server.',
    },
  ],
  flips: [
    {
      at: 'append-only measurements are more than half of the bytes written',
      to: 'timeseries',
    },
    { at: 'a restore of the last backup takes longer than you may be down', to: 'sharded' },
  ],
  measure: [
    'pg_stat_database: xact_commit per second at the peak, and blks_hit / (blks_hit + blks_read)',
    'pg_stat_statements: the ten statements with the most total time, monthly',
    'growth of the three largest tables: pg_total_relation_size, monthly',
  ],
  uncertainty:
    'The rates at which one Postgres ends differ tenfold with row size, indexes and disks: load-test with your rows before you believe a limit.',
  sources: [sources.pgJson, sources.pgvector, sources.pgPartitioning, sources.citusModels],
})

export const multiTenancy = decision({
  id: 'multi-tenancy',
  title: 'Multi-tenancy',
  rule: 'Shared tables with the tenant in every key and row level security, until a contract asks for more.',
  question: 'How are the data of tenants kept apart?',
  version: '2026-11-21',
  options: {
    'shared-rls': {
      name: 'Shared tables with tenant_id and forced row level security',
      cost: 'one tenant cannot be restored alone; a hot tenant is felt by all',
    },
    schema: {
      name: 'A schema per tenant',
      cost: 'each migration runs once per tenant; catalogues and prepared statements grow with them',
    },
    database: {
      name: 'A database per tenant',
      cost: 'connections and migrations per tenant; no query across tenants; about 8 MB at rest each',
    },
    single: { name: 'No tenants', cost: 'adding tenant_id later touches every table and query' },
  },
  branches: [
    {
      when: is('tenantIsolation', 'physical'),
      pick: 'database',
      why: 'An own key, region or restore by contract is only true with a database of its own.',
    },
    {
      when: below('tenants', 1),
      pick: 'single',
      why: 'There is nothing to keep apart. Where a second customer is likely, put tenant_id into the keys now: it costs 8 to 16 bytes a row.',
    },
    {
      when: all(is('tenantIsolation', 'restore'), below('tenants', 200)),
      pick: 'schema',
      why: 'A schema can be dumped, restored and moved alone, and with few tenants migrations stay quick.',
    },
    {
      when: all(is('tenantIsolation', 'restore'), above('tenants', 199)),
      pick: 'database',
      why: 'Hundreds of schemas slow migrations, dumps and the catalogue; databases can be spread over servers instead.',
    },
  ],
  otherwise: {
    pick: 'shared-rls',
    why: 'One migration, one pool, and a wall in the database that a forgotten WHERE does not pass; measured, the policy on an indexed column costs nothing.',
  },
  notes: [
    {
      when: above('tenants', 0),
      say: 'The app role must not own the tables nor have BYPASSRLS, tables need FORCE ROW LEVEL SECURITY, and unique and foreign keys start with tenant_id: each was shown to leak without.',
    },
    {
      when: all(above('tenants', 1), above('largestTenantPercent', 30)),
      say: 'One tenant has a third of the load: give it limits and pools of its own now, and be ready to move it to its own database.',
    },
    {
      when: above('tenants', 1),
      say: 'Full-text and pattern operators are not leakproof: behind a policy a search took 37 ms in place of 0.5 ms. Search through a function that states the tenant itself.',
    },
  ],
  flips: [{ at: 'a contract names restore, region or key per customer', to: 'database' }],
  measure: [
    'share of rows and of time per tenant: pg_stat_statements by tenant tag, or count(*) by tenant_id',
    'a test that asks every operation as another tenant',
  ],
  uncertainty:
    'The bound of about 200 schemas is a rule of thumb: it moves with tables per schema and with how often you migrate.',
  sources: [sources.pgRowSecurity, sources.multiTenant, sources.citusModels],
})

export const searchEngine = decision({
  id: 'search-engine',
  title: 'Search engine',
  rule: 'Full-text search in Postgres until typos, facets or tuned relevance are needed; then an engine fed from events.',
  question: 'Where does search run?',
  version: '2026-11-21',
  related: ['search'],
  options: {
    postgres: {
      name: 'Postgres full-text search with pg_trgm',
      cost: 'ranking reads every match; no typo tolerance across words, no facets worth the name',
    },
    light: {
      name: 'A light engine (Meilisearch, Typesense)',
      cost: 'an index held in memory, fed and rebuilt by you',
    },
    heavy: {
      name: 'OpenSearch or Elasticsearch',
      cost: 'a cluster to size, upgrade and secure: people, not only machines',
    },
  },
  branches: [
    {
      when: any(is('searchNeeds', 'relevance'), above('searchDocumentsMillion', 100)),
      pick: 'heavy',
      why: 'Relevance work, aggregations or hundreds of millions of documents are what these engines are for.',
    },
    {
      when: any(
        is('searchNeeds', 'typos'),
        all(above('searchesPerSecond', 100), above('searchDocumentsMillion', 1)),
      ),
      pick: 'light',
      why: 'As-you-type with typo tolerance, or hundreds of searches a second, is out of reach for a GIN index that ranks by reading.',
    },
  ],
  otherwise: {
    pick: 'postgres',
    why: 'Words, prefixes and rank over a few million rows, in the same transaction and under the same tenant policy as the data.',
  },
  notes: [
    {
      when: above('tenants', 1),
      say: 'In Postgres, lead the index with the tenant (btree_gin); in an engine, put the tenant filter where no caller can leave it out.',
    },
    {
      when: any(above('searchDocumentsMillion', 1), is('searchNeeds', 'typos', 'relevance')),
      say: 'Feed the engine from the event log, with a version per document, and be able to rebuild it from nothing.',
    },
  ],
  flips: [
    {
      at: 'a common word matches more than about 100,000 rows and p95 passes its target',
      to: 'light',
    },
  ],
  measure: ['p95 of searches by number of matches', 'searches that end without a click'],
  uncertainty:
    'Vendors compare engines by their own corpora; what decides is the frequency of your commonest words.',
  sources: [sources.pgTextSearch],
})

export const fileStorage = decision({
  id: 'file-storage',
  title: 'File storage',
  rule: 'Bytes in an object store, facts about them in the database, uploads by signed link.',
  question: 'Where do files go?',
  version: '2026-11-21',
  related: ['upload-pipeline'],
  options: {
    object: {
      name: 'An object store (S3 or compatible), signed links',
      cost: 'row and object can disagree: a state per file and a sweep for orphans',
    },
    database: {
      name: 'In the database (bytea)',
      cost: 'every backup and replica carries them; 1 GB is the hard limit of a value',
    },
    disk: {
      name: 'A local disk',
      cost: 'gone with the machine, and not there for a second process',
    },
  },
  branches: [
    {
      when: all(below('fileMb', 0.1), below('filesGbPerMonth', 0.5)),
      pick: 'database',
      why: 'Small and few: one transaction and one backup are worth more than cheap bytes.',
    },
    {
      when: all(below('appProcesses', 2), is('operators', 'team'), no('moneyOrStock')),
      pick: 'disk',
      why: 'One machine that somebody keeps and backs up needs nothing more; keep the door to an object store behind one interface.',
    },
  ],
  otherwise: {
    pick: 'object',
    why: 'Bytes do not pass through the app, cost a tenth of database storage, and live longer than any machine.',
  },
  notes: [
    {
      when: yes('filesUntrusted'),
      say: 'Quarantine first: decide the type by content, scan, re-encode images, and serve from another origin with Content-Disposition: attachment.',
    },
    {
      when: above('filesGbPerMonth', 0),
      say: 'A signed link works as often as it is used until it expires, and an upload replaces what is there: give each upload a key of its own and minutes, not days.',
    },
    {
      when: above('fileMb', 100, 'documented'),
      say: 'Above about 100 MB use multipart or resumable (tus) uploads; a single PUT that breaks at 90 % begins again.',
    },
  ],
  flips: [{ at: 'more than 1 GB of bytea, or a dump that takes longer for it', to: 'object' }],
  measure: ['bytes per month, and share of requests whose time is spent moving bytes'],
  uncertainty:
    'Prices of egress differ more between providers than prices of storage: compute both.',
  sources: [
    sources.presignedUploads,
    sources.multipartUploads,
    sources.fileUpload,
    sources.pgLimits,
  ],
})
