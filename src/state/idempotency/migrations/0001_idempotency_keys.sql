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

-- For the pruner.
CREATE INDEX idempotency_keys_expires_at ON holdfast.idempotency_keys (expires_at);

ALTER TABLE holdfast.idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON holdfast.idempotency_keys TO holdfast_app
  USING (tenant = holdfast.tenant()) WITH CHECK (tenant = holdfast.tenant());
CREATE POLICY all_tenants ON holdfast.idempotency_keys TO holdfast_loops USING (true) WITH CHECK (true);
CREATE POLICY backup ON holdfast.idempotency_keys FOR SELECT TO holdfast_backup USING (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON holdfast.idempotency_keys TO holdfast_app, holdfast_loops;
GRANT SELECT ON holdfast.idempotency_keys TO holdfast_backup;
