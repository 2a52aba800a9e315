/**
 * Where the rules come from. The date is the day on which the page, or the source that it is
 * published from, was last found there.
 */
import type { Source } from './rule.ts'

const lookedAt = (title: string, url: string): Source => ({ title, url, checked: '2026-11-21' })

const owasp = (title: string, sheet: string): Source =>
  lookedAt(
    `OWASP Cheat Sheet: ${title}`,
    `https://cheatsheetseries.owasp.org/cheatsheets/${sheet}_Cheat_Sheet.html`,
  )

const apiTop10 = (title: string, page: string): Source =>
  lookedAt(
    `OWASP API Security Top 10 2023: ${title}`,
    `https://owasp.org/API-Security/editions/2023/en/${page}/`,
  )

const azure = (title: string, page: string): Source =>
  lookedAt(
    `Azure Architecture Center: ${title}`,
    `https://learn.microsoft.com/en-us/azure/architecture/${page}`,
  )

const nodePractice = (title: string, page: string): Source =>
  lookedAt(
    `Node.js best practices: ${title}`,
    `https://github.com/goldbergyoni/nodebestpractices/blob/master/sections/${page}.md`,
  )

const squawk = (title: string, page: string): Source =>
  lookedAt(`Squawk: ${title}`, `https://squawkhq.com/docs/${page}`)

const brandur = (title: string, page: string): Source =>
  lookedAt(`Brandur Leach: ${title}`, `https://brandur.org/${page}`)

const zalando = (title: string, rule: number): Source =>
  lookedAt(
    `Zalando RESTful API guidelines: ${title}`,
    `https://opensource.zalando.com/restful-api-guidelines/#${rule}`,
  )

const cve = (id: string, what: string): Source =>
  lookedAt(`${id}: ${what}`, `https://nvd.nist.gov/vuln/detail/${id}`)

const factor = (title: string, page: string): Source =>
  lookedAt(`The Twelve-Factor App: ${title}`, `https://12factor.net/${page}`)

export const sources = {
  // Postgres and what stands in front of it
  pgSerializationFailures: lookedAt(
    'PostgreSQL: Serialization Failure Handling',
    'https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html',
  ),
  pgRowSecurity: lookedAt(
    'PostgreSQL: Row Security Policies',
    'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  ),
  pgLimit: lookedAt(
    'PostgreSQL: LIMIT and OFFSET',
    'https://www.postgresql.org/docs/15/queries-limit.html',
  ),
  hermitage: lookedAt(
    'Hermitage: what isolation levels really allow',
    'https://github.com/ept/hermitage',
  ),
  acidRain: lookedAt(
    'ACIDRain: concurrency attacks on shops, logs and analyser',
    'https://github.com/stanford-futuredata/acidrain',
  ),
  pgBouncerFeatures: lookedAt(
    'PgBouncer: SQL features by pooling mode',
    'https://www.pgbouncer.org/features.html',
  ),
  pgBouncerConfig: lookedAt(
    'PgBouncer: max_prepared_statements',
    'https://www.pgbouncer.org/config.html',
  ),
  nodePgTransactions: lookedAt(
    'node-postgres: transactions',
    'https://node-postgres.com/features/transactions',
  ),
  nodePgPooling: lookedAt('node-postgres: pooling', 'https://node-postgres.com/features/pooling'),
  nodePgPoolSizing: lookedAt(
    'node-postgres: pool sizing',
    'https://node-postgres.com/guides/pool-sizing',
  ),
  notifyOutage: lookedAt(
    'Recall.ai: Postgres LISTEN/NOTIFY does not scale',
    'https://www.recall.ai/blog/postgres-listen-notify-does-not-scale',
  ),
  outboxOrdering: lookedAt(
    'Oskar Dudycz: sequences and messaging guarantees',
    'https://event-driven.io/en/ordering_in_postgres_outbox/',
  ),
  strongMigrations: lookedAt(
    'strong_migrations: what is unsafe, and what to do instead',
    'https://github.com/ankane/strong_migrations',
  ),
  squawkIndex: squawk('require concurrent index creation', 'require-concurrent-index-creation'),
  squawkNotNull: squawk('adding a not nullable field', 'adding-not-nullable-field'),
  squawkType: squawk('changing a column type', 'changing-column-type'),
  squawkTimeouts: squawk('require timeout settings', 'require-timeout-settings'),
  squawkDropColumn: squawk('dropping a column', 'ban-drop-column'),
  squawkRename: squawk('renaming a column', 'renaming-column'),
  squawkTimestamptz: squawk('prefer timestamptz', 'prefer-timestamptz'),
  splinterForeignKeys: lookedAt(
    'Splinter: unindexed foreign keys',
    'https://github.com/supabase/splinter/blob/main/docs/0001_unindexed_foreign_keys.md',
  ),
  dataloader: lookedAt('DataLoader: batching and caching', 'https://github.com/graphql/dataloader'),
  jooqPagination: lookedAt(
    'jOOQ: why most programmers get pagination wrong',
    'https://blog.jooq.org/2016/08/10/why-most-programmers-get-pagination-wrong/',
  ),
  brandurIdempotency: brandur('Stripe-like idempotency keys in Postgres', 'idempotency-keys'),
  brandurTransactions: brandur(
    'using atomic transactions to power an idempotent API',
    'http-transactions',
  ),
  brandurJobDrain: brandur('Transactionally staged job drains', 'job-drain'),
  brandurQueues: brandur('Postgres job queues and failure by MVCC', 'postgres-queues'),
  brandurSoftDeletion: brandur('Soft deletion probably is not worth it', 'soft-deletion'),
  brandurConnections: brandur('How to manage connections efficiently', 'postgres-connections'),
  brandurAcid: brandur('Building robust systems with ACID and constraints', 'acid'),
  brandurUpgrades: brandur(
    'why Stripe does not upgrade API versions for its users',
    'api-upgrades',
  ),

  // HTTP and its contracts
  stripeIdempotency: lookedAt(
    'Stripe: idempotent requests',
    'https://docs.stripe.com/api/idempotent_requests',
  ),
  idempotencyDraft: lookedAt(
    'IETF draft: the Idempotency-Key header field',
    'https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/',
  ),
  rateLimitDraft: lookedAt(
    'IETF draft: RateLimit header fields',
    'https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/',
  ),
  rfc9457: lookedAt(
    'RFC 9457: Problem Details for HTTP APIs',
    'https://www.rfc-editor.org/info/rfc9457',
  ),
  rfc9745: lookedAt(
    'RFC 9745: the Deprecation header field, its working group',
    'https://github.com/ietf-wg-httpapi/deprecation-header',
  ),
  rfc8725: lookedAt(
    'RFC 8725: JSON Web Token Best Current Practices',
    'https://www.rfc-editor.org/rfc/rfc8725.pdf',
  ),
  zalandoCursor: zalando('prefer cursors to offsets', 160),
  zalandoDeprecation: zalando('monitor deprecated APIs', 188),
  zalandoCompatibility: zalando('do not break compatibility', 106),
  zalandoStackTraces: zalando('do not expose stack traces', 177),
  zalandoMoney: zalando('the common money object', 173),
  zalandoDates: zalando('standard formats for date and time', 169),
  zalandoCodes: zalando('429 with headers', 153),
  aipPagination: lookedAt('Google AIP-158: pagination', 'https://google.aip.dev/158'),
  aipOperations: lookedAt('Google AIP-151: long-running operations', 'https://google.aip.dev/151'),
  aipCompatibility: lookedAt(
    'Google AIP-180: backwards compatibility',
    'https://google.aip.dev/180',
  ),
  standardWebhooks: lookedAt(
    'Standard Webhooks specification',
    'https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md',
  ),
  pact: lookedAt('Pact: why contract tests', 'https://docs.pact.io/faq/convinceme'),
  awsRetry: lookedAt(
    'AWS: the retry with backoff pattern',
    'https://docs.aws.amazon.com/prescriptive-guidance/latest/cloud-design-patterns/retry-backoff.md',
  ),
  awsLimitRetries: lookedAt(
    'AWS Well-Architected: control and limit retry calls',
    'https://docs.aws.amazon.com/wellarchitected/latest/reliability-pillar/rel_mitigate_interaction_failure_limit_retries.md',
  ),
  azureBulkhead: azure('the Bulkhead pattern', 'patterns/bulkhead'),
  azureBreaker: azure('the Circuit Breaker pattern', 'patterns/circuit-breaker'),
  azureCacheAside: azure('the Cache-Aside pattern', 'patterns/cache-aside'),
  azureCompensation: azure(
    'the Compensating Transaction pattern',
    'patterns/compensating-transaction',
  ),
  azureCqrs: azure('the CQRS pattern', 'patterns/cqrs'),
  azureAsync: azure('the Asynchronous Request-Reply pattern', 'patterns/async-request-reply'),
  azureOutbox: azure('the Transactional Outbox pattern', 'patterns/outbox'),
  azurePubSub: azure('the Publisher-Subscriber pattern', 'patterns/publisher-subscriber'),
  azureRetryStorm: azure('the Retry Storm antipattern', 'antipatterns/retry-storm/'),
  azureChatty: azure('the Chatty I/O antipattern', 'antipatterns/chatty-io/'),
  azureFetching: azure('the Extraneous Fetching antipattern', 'antipatterns/extraneous-fetching/'),
  azureInstantiation: azure(
    'the Improper Instantiation antipattern',
    'antipatterns/improper-instantiation/',
  ),
  azureSyncIo: azure('the Synchronous I/O antipattern', 'antipatterns/synchronous-io/'),
  azureLeaderElection: azure('the Leader Election pattern', 'patterns/leader-election'),
  azureLoadLeveling: azure(
    'the Queue-Based Load Leveling pattern',
    'patterns/queue-based-load-leveling',
  ),
  sreOverload: lookedAt(
    'Google SRE book: handling overload',
    'https://sre.google/sre-book/handling-overload',
  ),
  concurrencyLimits: lookedAt(
    'Netflix: adaptive concurrency limits',
    'https://github.com/Netflix/concurrency-limits',
  ),
  cockatiel: lookedAt(
    'Cockatiel: retry, breaker, timeout, bulkhead',
    'https://github.com/connor4312/cockatiel',
  ),

  // Running it
  probes: lookedAt(
    'Kubernetes: liveness, readiness and startup probes',
    'https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/',
  ),
  burnRates: lookedAt(
    'bitdrift: burn rates and windows of SLO alerts',
    'https://docs.bitdrift.io/product/alerts/create-slo-alert.html',
  ),
  honeycombAlerts: lookedAt(
    'Honeycomb: what an alert should say',
    'https://docs.honeycomb.io/working-with-your-data/slos/slo-vs-trigger/',
  ),
  prometheusNaming: lookedAt(
    'Prometheus: naming and labels',
    'https://prometheus.io/docs/practices/naming/',
  ),
  prometheusInstrumentation: lookedAt(
    'Prometheus: instrumentation',
    'https://prometheus.io/docs/practices/instrumentation/',
  ),
  prometheusAlerting: lookedAt(
    'Prometheus: alerting',
    'https://prometheus.io/docs/practices/alerting/',
  ),
  otelHttpMetrics: lookedAt(
    'OpenTelemetry: HTTP metrics',
    'https://opentelemetry.io/docs/specs/semconv/http/http-metrics/',
  ),
  otelSampling: lookedAt(
    'OpenTelemetry: sampling',
    'https://opentelemetry.io/docs/concepts/sampling/',
  ),
  otelSensitive: lookedAt(
    'OpenTelemetry: handling sensitive data',
    'https://opentelemetry.io/docs/security/handling-sensitive-data/',
  ),
  traceContext: lookedAt('W3C Trace Context', 'https://www.w3.org/TR/trace-context/'),
  factorConfig: factor('config', 'config'),
  factorProcesses: factor('processes', 'processes'),
  factorDisposability: factor('disposability', 'disposability'),
  factorLogs: factor('logs', 'logs'),
  factorParity: factor('dev/prod parity', 'dev-prod-parity'),
  eventLoop: lookedAt(
    'Node.js: do not block the event loop',
    'https://nodejs.org/en/guides/dont-block-the-event-loop',
  ),
  nodeErrors: nodePractice(
    'operational against programmer errors',
    'errorhandling/operationalvsprogrammererror',
  ),
  nodeRejections: nodePractice(
    'catch unhandled rejections',
    'errorhandling/catchunhandledpromiserejection',
  ),
  nodeReturnAwait: nodePractice('return awaited promises', 'errorhandling/returningpromises'),
  nodeCentralErrors: nodePractice(
    'handle errors in one place',
    'errorhandling/centralizedhandling',
  ),
  nodeLayers: nodePractice('layer each component', 'projectstructre/createlayers'),
  nodeComponents: nodePractice(
    'structure by business components',
    'projectstructre/breakintcomponents',
  ),
  nodeConfig: nodePractice('configuration', 'projectstructre/configguide'),
  nodeStateless: nodePractice('be stateless', 'production/bestateless'),
  nodeLogging: nodePractice('smart logging', 'production/smartlogging'),
  nodeRequestId: nodePractice(
    'a transaction id in each log line',
    'production/assigntransactionid',
  ),
  nodeHideErrors: nodePractice('hide error details', 'security/hideerrors'),
  nodeLoginLimit: nodePractice('limit logins', 'security/login-rate-limit'),
  nodeRegex: nodePractice('regular expressions', 'security/regex'),
  nodeValidation: nodePractice('validate input', 'security/validation'),
  nodeFailFast: nodePractice('fail fast on bad arguments', 'errorhandling/failfast'),
  nodeExpireJwt: nodePractice('expire JWTs', 'security/expirejwt'),
  nodeMocks: nodePractice('what to replace in tests', 'testingandquality/mock-external-services'),

  // Security
  owaspSql: owasp('SQL injection prevention', 'SQL_Injection_Prevention'),
  owaspPasswords: owasp('password storage', 'Password_Storage'),
  owaspCrypto: owasp('cryptographic storage', 'Cryptographic_Storage'),
  owaspKeys: owasp('key management', 'Key_Management'),
  owaspSessions: owasp('session management', 'Session_Management'),
  owaspAuthentication: owasp('authentication', 'Authentication'),
  owaspAuthorization: owasp('authorization', 'Authorization'),
  owaspOauth: owasp('OAuth 2', 'OAuth2'),
  owaspMassAssignment: owasp('mass assignment', 'Mass_Assignment'),
  owaspSsrf: owasp('server-side request forgery', 'Server_Side_Request_Forgery_Prevention'),
  owaspPrototype: owasp('prototype pollution', 'Prototype_Pollution_Prevention'),
  owaspUploads: owasp('file upload', 'File_Upload'),
  owaspLogging: owasp('logging', 'Logging'),
  owaspErrors: owasp('error handling', 'Error_Handling'),
  owaspSecrets: owasp('secrets management', 'Secrets_Management'),
  owaspRest: owasp('REST security', 'REST_Security'),
  owaspGraphql: owasp('GraphQL', 'GraphQL'),
  owaspTenants: owasp('multi-tenant security', 'Multi_Tenant_Security'),
  owaspJwt: owasp('JSON Web Tokens', 'JSON_Web_Token'),
  owaspInput: owasp('input validation', 'Input_Validation'),
  owaspHtml5: owasp('HTML5 security, cross-origin sharing', 'HTML5_Security'),
  owaspNode: owasp('Node.js security', 'Nodejs_Security'),
  apiObjects: apiTop10(
    'broken object level authorization',
    '0xa1-broken-object-level-authorization',
  ),
  apiAuthentication: apiTop10('broken authentication', '0xa2-broken-authentication'),
  apiProperties: apiTop10(
    'broken object property level authorization',
    '0xa3-broken-object-property-level-authorization',
  ),
  apiResources: apiTop10(
    'unrestricted resource consumption',
    '0xa4-unrestricted-resource-consumption',
  ),
  apiFunctions: apiTop10(
    'broken function level authorization',
    '0xa5-broken-function-level-authorization',
  ),
  apiSsrf: apiTop10('server-side request forgery', '0xa7-server-side-request-forgery'),
  apiMisconfiguration: apiTop10('security misconfiguration', '0xa8-security-misconfiguration'),
  apiInventory: apiTop10('improper inventory management', '0xa9-improper-inventory-management'),
  cveMiddie: cve('CVE-2026-2880', 'paths that skip middleware of Fastify'),
  cveNest: cve('CVE-2025-69211', 'paths that skip middleware of Nest on Fastify'),
  cveHono: cve('CVE-2026-22817', 'the token chooses the algorithm in Hono'),
  cveFastJwt: cve('CVE-2026-34950', 'algorithm confusion in fast-jwt'),
  cveBetterAuth: cve('CVE-2025-61928', 'API keys of others in better-auth'),
  cveIp: cve('CVE-2024-29415', 'private addresses taken for public ones in ip'),
  cveSsrfcheck: cve('CVE-2026-43929', 'private addresses that pass ssrfcheck'),
  metastable: lookedAt(
    'Huang and others: Metastable failures in the wild (OSDI 2022)',
    'https://www.usenix.org/conference/osdi22/presentation/huang-lexiang',
  ),
  feral: lookedAt(
    'Bailis and others: Feral concurrency control (SIGMOD 2015)',
    'https://amplab.cs.berkeley.edu/publication/feral-concurrency-control-an-empirical-investigation-of-modern-application-integrity/',
  ),
  pgStandby: lookedAt(
    'PostgreSQL: Log-Shipping Standby Servers',
    'https://www.postgresql.org/docs/current/warm-standby.html',
  ),
  serverSentEvents: lookedAt(
    'HTML standard: server-sent events',
    'https://html.spec.whatwg.org/multipage/server-sent-events.html',
  ),
  sreAlerting: lookedAt(
    'Google SRE workbook: alerting on SLOs',
    'https://sre.google/workbook/alerting-on-slos/',
  ),
  monolithFirst: lookedAt(
    'Martin Fowler: MonolithFirst',
    'https://martinfowler.com/bliki/MonolithFirst.html',
  ),
  graphileCrash: lookedAt(
    'Graphile Worker: jobs of a crashed worker',
    'https://github.com/graphile/worker/issues/222',
  ),
  apiUnsafe: apiTop10('unsafe consumption of APIs', '0xaa-unsafe-consumption-of-apis'),
} as const satisfies Record<string, Source>
