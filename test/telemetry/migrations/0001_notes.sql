CREATE TABLE notes (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  text text NOT NULL,
  readers int NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT notes_text_check CHECK (text <> 'forbidden')
);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE notes FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON notes USING (tenant_id = holdfast.tenant());
CREATE POLICY backup ON notes FOR SELECT TO holdfast_backup USING (true);
