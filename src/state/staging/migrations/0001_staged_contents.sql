-- Bodies that came as a stream, kept before their command runs.
--
-- States of a content: receiving (bytes is NULL) -> sealed -> adopted by the command that took it.
-- Whatever has expired is pruned, in any state: what was never sealed, what no command adopted, and
-- what was adopted and has been read to its end or kept for its time.
CREATE TABLE holdfast.staged_contents (
  tenant text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  content_type text NOT NULL,
  -- NULL while it is being received.
  bytes bigint,
  sha256 bytea,
  adopted boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, id),
  CHECK ((bytes IS NULL) = (sha256 IS NULL))
);

CREATE INDEX staged_contents_expires_at ON holdfast.staged_contents (expires_at);

-- `at` is the place of the first byte in the content. No foreign key: its checks would have to see
-- past row level security; the pruner removes chunks first.
CREATE TABLE holdfast.staged_chunks (
  tenant text NOT NULL DEFAULT holdfast.tenant(),
  content uuid NOT NULL,
  at bigint NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (tenant, content, at)
);

-- Read once, in order, soon: compressing would cost more than it saves.
ALTER TABLE holdfast.staged_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;

DO $policies$
DECLARE
  table_name text;
BEGIN
  FOREACH table_name IN ARRAY ARRAY['staged_contents', 'staged_chunks'] LOOP
    EXECUTE pg_catalog.format('ALTER TABLE holdfast.%I ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE pg_catalog.format('ALTER TABLE holdfast.%I FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE pg_catalog.format(
      'CREATE POLICY own_tenant ON holdfast.%I TO holdfast_app
         USING (tenant = holdfast.tenant()) WITH CHECK (tenant = holdfast.tenant())', table_name);
    EXECUTE pg_catalog.format(
      'CREATE POLICY all_tenants ON holdfast.%I TO holdfast_loops USING (true) WITH CHECK (true)',
      table_name);
    EXECUTE pg_catalog.format(
      'CREATE POLICY backup ON holdfast.%I FOR SELECT TO holdfast_backup USING (true)', table_name);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT ON holdfast.%I TO holdfast_app', table_name);
    EXECUTE pg_catalog.format('GRANT SELECT, DELETE ON holdfast.%I TO holdfast_loops', table_name);
    EXECUTE pg_catalog.format('GRANT SELECT ON holdfast.%I TO holdfast_backup', table_name);
  END LOOP;
END
$policies$;

GRANT UPDATE (bytes, sha256, adopted, expires_at) ON holdfast.staged_contents TO holdfast_app;

-- Keeps a content for the command of this transaction. Raises where it is not there, was not received
-- in full, or belongs to another command: then there is nothing that the command could be about.
CREATE FUNCTION holdfast.adopt_staged(content uuid, kept_for interval) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  UPDATE holdfast.staged_contents SET adopted = true, expires_at = now() + kept_for
  WHERE tenant = holdfast.tenant() AND id = content AND bytes IS NOT NULL AND NOT adopted;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the staged content % is not there to be adopted', content
      USING ERRCODE = 'HF006';
  END IF;
END
$$;

-- Nobody needs it any more: the pruner takes it away. It may be gone already.
CREATE FUNCTION holdfast.drop_staged(content uuid) RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
  UPDATE holdfast.staged_contents SET expires_at = now()
  WHERE tenant = holdfast.tenant() AND id = content AND expires_at > now();
END;
