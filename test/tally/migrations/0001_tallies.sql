CREATE TABLE tallies (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  name text NOT NULL,
  total integer NOT NULL,
  version integer NOT NULL DEFAULT 1,
  CONSTRAINT tallies_pkey PRIMARY KEY (tenant_id, name),
  CONSTRAINT tallies_total_check CHECK (total BETWEEN 0 AND 1000)
);

-- What was added, one row for each time.
CREATE TABLE tally_entries (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  name text NOT NULL,
  amount integer NOT NULL,
  CONSTRAINT tally_entries_pkey PRIMARY KEY (tenant_id, id)
);

ALTER TABLE tallies ENABLE ROW LEVEL SECURITY;
ALTER TABLE tallies FORCE ROW LEVEL SECURITY;
CREATE POLICY tallies_tenant ON tallies
  USING (tenant_id = holdfast.tenant()) WITH CHECK (tenant_id = holdfast.tenant());
CREATE POLICY tallies_backup ON tallies FOR SELECT TO holdfast_backup USING (true);

ALTER TABLE tally_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE tally_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY tally_entries_tenant ON tally_entries
  USING (tenant_id = holdfast.tenant()) WITH CHECK (tenant_id = holdfast.tenant());
CREATE POLICY tally_entries_backup ON tally_entries FOR SELECT TO holdfast_backup USING (true);
