-- One row per command that was asked for with a key. Claimed by INSERT at the start of the
-- command's transaction and completed with the reply at its end: both commit with the work.
--
-- One unpartitioned table: a unique index on a partitioned one must contain the partition key, and
-- a key used on both sides of midnight would run twice. fillfactor leaves room for the reply on the
-- page of the claim, so that the update touches no index.
CREATE TABLE holdfast.idempotency_keys (
  tenant text NOT NULL,
  principal text NOT NULL,
  operation text NOT NULL,
  key text NOT NULL,
  fingerprint bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  status smallint,
  content_type text,
  headers text,
  body text,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant, principal, operation, key)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

-- For the pruner. Keys expire in the order in which they were claimed, nearly, so that a summary of
-- page ranges finds them; a B-tree would cost every claim another descent.
CREATE INDEX idempotency_keys_expires_at ON holdfast.idempotency_keys
  USING brin (expires_at) WITH (autosummarize = on);

ALTER TABLE holdfast.idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.idempotency_keys FORCE ROW LEVEL SECURITY;
-- Inserting compares with the bare setting: without a context it is no tenant, and the check refuses.
-- Each function in a policy is looked up for every statement, so the hot path has but one.
-- What is read, and what is updated or deleted, must be visible first: the policy for SELECT holds there
-- too.
CREATE POLICY own_tenant ON holdfast.idempotency_keys FOR SELECT TO holdfast_app
  USING (tenant = holdfast.tenant());
CREATE POLICY own_tenant_claims ON holdfast.idempotency_keys FOR INSERT TO holdfast_app
  WITH CHECK (tenant = current_setting('holdfast.tenant', true));
CREATE POLICY own_tenant_replies ON holdfast.idempotency_keys FOR UPDATE TO holdfast_app
  USING (true) WITH CHECK (tenant = current_setting('holdfast.tenant', true));
CREATE POLICY own_tenant_forgets ON holdfast.idempotency_keys FOR DELETE TO holdfast_app
  USING (tenant = holdfast.tenant());
CREATE POLICY all_tenants ON holdfast.idempotency_keys TO holdfast_loops USING (true) WITH CHECK (true);
CREATE POLICY backup ON holdfast.idempotency_keys FOR SELECT TO holdfast_backup USING (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON holdfast.idempotency_keys TO holdfast_app, holdfast_loops;
GRANT SELECT ON holdfast.idempotency_keys TO holdfast_backup;
