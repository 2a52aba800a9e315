-- API keys: what lets a program in.
--
--   id         stands in the key's text, so that a key is found before its tenant is known
--   principal  who acts with it; a rotated key keeps it, and with it its idempotency keys
--   hash       SHA-256 of the whole text: it holds 131 random bits, so no slow hash is needed
--
-- `id` is unique across tenants on purpose: it is looked up before a tenant is known. It is random,
-- and made by us, so it tells nobody that a key exists.

CREATE TABLE holdfast.api_keys (
  id uuid PRIMARY KEY,
  tenant text NOT NULL DEFAULT holdfast.tenant() CHECK (tenant <> ''),
  principal uuid NOT NULL,
  environment text NOT NULL,
  name text NOT NULL,
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  roles text[] NOT NULL,
  permissions text[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text DEFAULT holdfast.actor(),
  expires_at timestamptz,
  revoked_at timestamptz,
  -- Written in the background, to the minute.
  last_used_at timestamptz
) WITH (fillfactor = 80);

CREATE INDEX api_keys_by_tenant ON holdfast.api_keys (tenant, id);

ALTER TABLE holdfast.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.api_keys FORCE ROW LEVEL SECURITY;

-- holdfast.tenant() raises where there is no context; it is called only then, because every
-- transaction asks for its caller's key, and a call of PL/pgSQL costs more than the rest of this.
CREATE POLICY app ON holdfast.api_keys TO holdfast_app
  USING (tenant = coalesce(nullif(current_setting('holdfast.tenant', true), ''), holdfast.tenant()));
-- To look a key up before its tenant is known, and to note its use.
CREATE POLICY loops ON holdfast.api_keys TO holdfast_loops USING (true);
CREATE POLICY backup ON holdfast.api_keys FOR SELECT TO holdfast_backup USING (true);

-- No operation can read a hash, nor make a key of another tenant.
GRANT SELECT (id, tenant, principal, environment, name, roles, permissions, created_at, created_by,
    expires_at, revoked_at, last_used_at),
  INSERT (id, principal, environment, name, hash, roles, permissions, expires_at),
  UPDATE (expires_at, revoked_at)
  ON holdfast.api_keys TO holdfast_app;
GRANT SELECT, UPDATE (last_used_at) ON holdfast.api_keys TO holdfast_loops;
GRANT SELECT ON holdfast.api_keys TO holdfast_backup;
