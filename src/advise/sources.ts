/**
 * `checked` is the day on which somebody read there what is claimed of it, on the page itself or in a
 * stored copy of its text. `address`: the page was not to be had that day, only its address was seen.
 */
import type { AdviceSource as Source } from './source.ts'

function postgresManual(page: string, title: string): Source {
  return {
    title: `PostgreSQL manual: ${title}`,
    url: `https://www.postgresql.org/docs/current/${page}.html`,
    checked: '2026-11-21',
  }
}

function owasp(page: string, title: string): Source {
  return {
    title: `OWASP cheat sheet: ${title}`,
    url: `https://github.com/OWASP/CheatSheetSeries/blob/master/cheatsheets/${page}_Cheat_Sheet.md`,
    checked: '2026-11-21',
  }
}

function rfc(number: number, title: string): Source {
  return {
    title: `RFC ${number}: ${title}`,
    url: `https://www.rfc-editor.org/rfc/rfc${number}.html`,
    checked: '2026-11-21',
  }
}

function page(title: string, url: string, caveat?: string): Source {
  return { title, url, checked: '2026-11-21', ...(caveat === undefined ? {} : { caveat }) }
}

function address(title: string, url: string, caveat?: string): Source {
  return { ...page(title, url, caveat), addressOnly: true }
}

/** Every source that advice rests on; named by what cites it. */
export const sources = {
  pgJson: postgresManual('datatype-json', 'JSON types'),
  pgLimits: postgresManual('limits', 'limits'),
  pgIsolation: postgresManual('transaction-iso', 'transaction isolation'),
  pgLocking: postgresManual('explicit-locking', 'explicit locking'),
  pgPartitioning: postgresManual('ddl-partitioning', 'table partitioning'),
  pgStandby: postgresManual('warm-standby', 'log-shipping standby servers'),
  pgRowSecurity: postgresManual('ddl-rowsecurity', 'row security policies'),
  pgTextSearch: postgresManual('textsearch', 'full text search'),
  pgStatistics: postgresManual('monitoring-stats', 'the cumulative statistics system'),
  pgvector: page('pgvector, README', 'https://github.com/pgvector/pgvector'),
  hermitage: page(
    'Hermitage: what isolation levels of real databases prevent',
    'https://github.com/ept/hermitage',
  ),
  monolithFirst: page(
    'Martin Fowler: MonolithFirst',
    'https://martinfowler.com/bliki/MonolithFirst.html',
    'written in 2015',
  ),
  testPyramid: page(
    'Ham Vocke: The practical test pyramid',
    'https://martinfowler.com/articles/practical-test-pyramid.html',
    'written in 2018',
  ),
  figmaShards: page(
    "Figma: How Figma's databases team lived to tell the scale",
    'https://www.figma.com/blog/how-figmas-databases-team-lived-to-tell-the-scale/',
    'nine months for the first table, after vertical partitioning; tables of several terabytes',
  ),
  notionShards: page(
    'Notion: Sharding Postgres at Notion',
    'https://www.notion.com/blog/sharding-postgres-at-notion',
    'written in 2021; its advice is to shard earlier than they did',
  ),
  citusModels: page(
    'Citus: data modelling and distribution columns',
    'https://docs.citusdata.com/en/stable/sharding/data_modeling.html',
  ),
  serverSentEvents: page(
    'HTML standard: server-sent events',
    'https://html.spec.whatwg.org/multipage/server-sent-events.html',
  ),
  grpcPerformance: page(
    'gRPC guides: performance best practices',
    'https://grpc.io/docs/guides/performance/',
  ),
  graphqlSecurity: page('GraphQL: security', 'https://graphql.org/learn/security/'),
  fastifyBenchmarks: page(
    'Fastify: benchmarks of Node web frameworks',
    'https://github.com/fastify/benchmarks',
    'a "hello world"; a hardened stack is 3 to 7 times slower, whichever the framework',
  ),
  sessions: owasp('Session_Management', 'session management'),
  jwt: owasp('JSON_Web_Token', 'JSON web tokens'),
  multiTenant: owasp('Multi_Tenant_Security', 'multi-tenant security'),
  fileUpload: owasp('File_Upload', 'file upload'),
  sqlInjection: owasp('SQL_Injection_Prevention', 'SQL injection prevention'),
  logging: owasp('Logging', 'logging'),
  jwtPractice: rfc(8725, 'JSON Web Token best current practices'),
  oauthPractice: rfc(9700, 'Best current practice for OAuth 2.0 security'),
  problemDetails: rfc(9457, 'Problem details for HTTP APIs'),
  deprecation: rfc(9745, 'The Deprecation HTTP response header field'),
  stripeVersions: page('Stripe: how API versioning works', 'https://docs.stripe.com/api-versions'),
  googleErrors: page('Google AIP-193: errors', 'https://google.aip.dev/193'),
  googlePagination: page('Google AIP-158: pagination', 'https://google.aip.dev/158'),
  noOffset: page(
    'Markus Winand: We need tool support for keyset pagination',
    'https://use-the-index-luke.com/no-offset',
  ),
  memcacheAtFacebook: page(
    'Nishtala and others: Scaling Memcache at Facebook (NSDI 2013)',
    'https://www.usenix.org/system/files/conference/nsdi13/nsdi13-final170_update.pdf',
    'published in 2013; leases and stale sets are as true as they were',
  ),
  graphileWorker: page(
    'Graphile Worker: performance',
    'https://github.com/graphile/worker/blob/main/website/docs/performance.md',
    "the author's own machine; measured beside others on two shared cores: 12,000 to 20,000 jobs a second",
  ),
  rabbitQuorum: page('RabbitMQ: quorum queues', 'https://www.rabbitmq.com/docs/quorum-queues'),
  jetstream: page('NATS: JetStream', 'https://docs.nats.io/nats-concepts/jetstream'),
  kafkaDesign: page('Apache Kafka: design', 'https://kafka.apache.org/documentation/#design'),
  saga: address(
    'Chris Richardson: the saga pattern',
    'https://microservices.io/patterns/data/saga.html',
  ),
  outboxRouter: page(
    'Debezium: outbox event router',
    'https://github.com/debezium/debezium/blob/main/documentation/modules/ROOT/pages/transformations/outbox-event-router.adoc',
  ),
  sampling: page('OpenTelemetry: sampling', 'https://opentelemetry.io/docs/concepts/sampling/'),
  lambdaPrices: page(
    'AWS: how Lambda is priced',
    'https://docs.aws.amazon.com/whitepapers/latest/how-aws-pricing-works/lambda.html',
    'us-east-1; $0.20 per million requests and $0.00001667 per GB-second; prices differ by region',
  ),
  fargatePrices: page(
    'Vantage: Fargate pricing explained',
    'https://www.vantage.sh/blog/fargate-pricing',
    'not from the vendor; us-east-1, x86: $0.04048 per vCPU-hour and $0.004445 per GB-hour',
  ),
  lambdaLimits: page(
    'AWS: Lambda quotas',
    'https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html',
  ),
  gatewayTimeout: page(
    'AWS: API Gateway integration timeout beyond 29 seconds',
    'https://aws.amazon.com/about-aws/whats-new/2024/06/amazon-api-gateway-integration-timeout-limit-29-seconds/',
    'of 2024: for Regional and private REST APIs, on request; HTTP APIs end at 30 s',
  ),
  workersLimits: page(
    'Cloudflare Workers: limits',
    'https://developers.cloudflare.com/workers/platform/limits/',
  ),
  presignedUploads: page(
    'AWS: download and upload objects with presigned URLs',
    'https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html',
  ),
  multipartUploads: page(
    'AWS: S3 multipart upload limits',
    'https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html',
  ),
  retries: page(
    "Amazon Builders' Library: Timeouts, retries and backoff with jitter",
    'https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/',
  ),
  burnRates: page(
    'Google SRE workbook: alerting on SLOs',
    'https://sre.google/workbook/alerting-on-slos/',
  ),
  poolSizing: page(
    'HikariCP: about pool sizing',
    'https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing',
    'the rule is of spinning disks; a starting point to measure from',
  ),
  performanceModeling: address(
    'Mor Harchol-Balter: Performance modeling and design of computer systems',
    'https://www.cs.cmu.edu/~harchol/PerformanceModeling/book.html',
    "Little's law, Erlang C",
  ),
  scalabilityLaw: page(
    'SoftwareMill: contention, coherency and the math behind software',
    'https://softwaremill.com/math-behind-software/',
    "explains Gunther's universal scalability law",
  ),
  conversionStudy: page(
    "Candid: Akamai's State of Online Retail Performance (2017), summarised",
    'https://candidcreative.ca/kb/akamai-soasta-2017-100ms-7pct-mobile',
    'a correlation in 2017 retail traffic, no experiment; test your own',
  ),
} satisfies Record<string, Source>
