-- What a migration of tenant tables ends with: SELECT holdfast.keep_apart('orders', 'order_lines').
-- From then on a row is seen and written by its own tenant alone, also by the owner of the table, and
-- by dumps. It runs with the rights of who calls it, so nobody changes a table that is not theirs.
CREATE FUNCTION holdfast.keep_apart(VARIADIC tables regclass[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  tenant_table regclass;
BEGIN
  FOREACH tenant_table IN ARRAY tables LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('CREATE POLICY tenant ON %s USING (tenant_id = holdfast.tenant())
      WITH CHECK (tenant_id = holdfast.tenant())', tenant_table);
    EXECUTE format('CREATE POLICY backup ON %s FOR SELECT TO holdfast_backup USING (true)',
      tenant_table);
  END LOOP;
END
$$;
