-- Who did what, on whose request, with which outcome: written in the transaction of the work.
-- Append-only: no role of the application may change or delete an entry. The id is a UUIDv7, so
-- (tenant, id) is also the order in time.
CREATE TABLE holdfast.audit_entries (
  tenant text NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  operation text NOT NULL,
  outcome text NOT NULL,
  request_id text NOT NULL,
  trace_id text NOT NULL,
  -- SHA-256 of the input: shows that two entries are about the same request, and no personal data.
  input_digest bytea,
  -- The entry of the operation that called this one inside the same transaction.
  parent uuid,
  CONSTRAINT audit_entries_pkey PRIMARY KEY (tenant, id)
);

ALTER TABLE holdfast.audit_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.audit_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON holdfast.audit_entries FOR SELECT TO holdfast_app
  USING (tenant = holdfast.tenant());
-- Inserting compares with the bare setting: without a context it is no tenant, and the check refuses.
-- Each function in a policy is looked up for every statement, so the hot path has but one.
CREATE POLICY own_tenant_appends ON holdfast.audit_entries FOR INSERT TO holdfast_app
  WITH CHECK (tenant = current_setting('holdfast.tenant', true));
CREATE POLICY all_tenants ON holdfast.audit_entries TO holdfast_loops USING (true) WITH CHECK (true);
CREATE POLICY backup ON holdfast.audit_entries FOR SELECT TO holdfast_backup USING (true);

GRANT SELECT, INSERT ON holdfast.audit_entries TO holdfast_app, holdfast_loops;
GRANT SELECT ON holdfast.audit_entries TO holdfast_backup;
