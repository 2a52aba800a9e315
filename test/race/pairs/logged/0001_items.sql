CREATE TABLE items (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id integer NOT NULL,
  name text NOT NULL,
  CONSTRAINT items_pkey PRIMARY KEY (tenant_id, id)
);
CREATE TABLE item_log (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  item integer NOT NULL,
  CONSTRAINT item_log_pkey PRIMARY KEY (tenant_id, id)
);
CREATE FUNCTION log_item() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO item_log (item) VALUES (NEW.id);
  RETURN NEW;
END $$;
CREATE TRIGGER log_item AFTER INSERT ON items FOR EACH ROW EXECUTE FUNCTION log_item();

ALTER TABLE items ENABLE ROW LEVEL SECURITY;
ALTER TABLE items FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON items
  USING (tenant_id = holdfast.tenant()) WITH CHECK (tenant_id = holdfast.tenant());
ALTER TABLE item_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE item_log FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON item_log
  USING (tenant_id = holdfast.tenant()) WITH CHECK (tenant_id = holdfast.tenant());
