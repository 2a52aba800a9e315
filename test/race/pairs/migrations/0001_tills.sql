CREATE TABLE tills (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  name text NOT NULL,
  cents integer NOT NULL CHECK (cents BETWEEN 0 AND 1000000),
  owner_id text,
  CONSTRAINT tills_pkey PRIMARY KEY (tenant_id, id)
);
CREATE TABLE till_moves (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  till_id uuid NOT NULL,
  cents integer NOT NULL,
  note text,
  CONSTRAINT till_moves_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT till_moves_till_fkey FOREIGN KEY (tenant_id, till_id) REFERENCES tills (tenant_id, id)
);
CREATE TABLE notices (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  text text NOT NULL,
  CONSTRAINT notices_pkey PRIMARY KEY (tenant_id, id)
);

ALTER TABLE tills ENABLE ROW LEVEL SECURITY;
ALTER TABLE tills FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON tills
  USING (tenant_id = holdfast.tenant()) WITH CHECK (tenant_id = holdfast.tenant());
ALTER TABLE till_moves ENABLE ROW LEVEL SECURITY;
ALTER TABLE till_moves FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON till_moves
  USING (tenant_id = holdfast.tenant()) WITH CHECK (tenant_id = holdfast.tenant());
ALTER TABLE notices ENABLE ROW LEVEL SECURITY;
ALTER TABLE notices FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON notices
  USING (tenant_id = holdfast.tenant()) WITH CHECK (tenant_id = holdfast.tenant());
