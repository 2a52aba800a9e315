-- A day's sales as the file that is fetched. Built again, it is replaced.
CREATE TABLE daily_sales_reports (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  day date NOT NULL,
  csv text NOT NULL,
  built_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT daily_sales_reports_pkey PRIMARY KEY (tenant_id, day)
);

SELECT holdfast.keep_apart('daily_sales_reports');
