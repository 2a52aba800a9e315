/** What the rulebook must have an entry for. */
const lines = (text: string): readonly string[] => text.trim().split(/\s+/)

export const patternIds = lines(`
  access-pattern-schema api-keys-hmac api-versioning async-202 audit-log batched-backfill bulkhead
  cache-aside-exact circuit-breaker composite-index config-validated contract-tests cqrs
  deadline-propagation domain-access event-driven expand-contract graceful-shutdown graphql-safely
  idempotency keyset-pagination liveness-readiness load-shedding middleware-order oidc-pkce outbox
  problem-details rate-limit rbac-abac-rls read-replica-ryw realtime-resume red-use-metrics
  retry-backoff-jitter saga search secrets service-layer sessions-cookies slo-burn-rate
  soft-delete-purge structured-logs test-real-database tracing upload-pipeline webhooks-in
  webhooks-out
`)

export const antiPatternIds = lines(`
  alert-without-runbook api-from-tables breaker-never-closes cache-late-fill cache-stampede
  cache-without-invalidation cascading-delete chatty-api check-then-act clock-arithmetic
  cookie-without-flags cron-on-every-node date-cursor-precision destructive-migration
  error-details-to-client external-call-in-transaction fire-and-forget floating-point-money
  get-then-set-idempotency god-service high-cardinality-labels http-in-service implicit-coupling
  in-memory-state index-not-concurrently jwt-alg-confusion jwt-no-audience jwt-no-expiry
  leaked-client leaky-abstraction logging-afterthought long-transaction mass-assignment
  massive-migration missing-graceful-shutdown missing-health-check missing-idempotency
  missing-index-filter missing-index-foreign-key missing-pool missing-rate-limit
  missing-transaction n-plus-one no-timeout-handler no-timeout-http no-timeout-job no-timeout-sql
  not-null-rewrite notify-in-transaction offset-deep-page outbox-by-timestamp over-exposure
  own-crypto path-based-authorisation personal-data-in-logs plain-password pool-per-request
  premature-microservices prepared-statement-pooler prototype-pollution publish-after-commit
  publish-before-commit redos retry-non-idempotent retry-two-layers retry-without-backoff
  scattered-validation secret-in-code select-star session-state-pooler set-without-local
  skip-locked-missing split-by-technical-layer ssrf string-sql swallowed-error
  sync-cpu-on-event-loop sync-file-processing sync-fs-on-event-loop synchronous-everything
  time-zone-arithmetic transaction-timeout type-change-rewrite unbounded-query
  unhandled-rejection unvalidated-environment weak-hash wildcard-cors
`)
