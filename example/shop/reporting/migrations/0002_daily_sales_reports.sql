-- A day's sales as the file that is fetched. Built again, it is replaced.
CREATE TABLE daily_sales_reports (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  day date NOT NULL,
  csv text NOT NULL,
  built_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT daily_sales_reports_pkey PRIMARY KEY (tenant_id, day)
);

ALTER TABLE daily_sales_reports ENABLE ROW LEVEL SECURITY;
ALTER TABLE daily_sales_reports FORCE ROW LEVEL SECURITY;
CREATE POLICY daily_sales_reports_tenant ON daily_sales_reports
  USING (tenant_id = holdfast.tenant())
  WITH CHECK (tenant_id = holdfast.tenant());
CREATE POLICY daily_sales_reports_backup ON daily_sales_reports
  FOR SELECT TO holdfast_backup USING (true);
