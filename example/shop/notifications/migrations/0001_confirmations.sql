-- One row for each order whose confirmation the mail server has accepted.
CREATE TABLE confirmations (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  order_id uuid NOT NULL,
  message_id text NOT NULL,
  recipient text NOT NULL,
  sent_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT confirmations_pkey PRIMARY KEY (tenant_id, order_id)
);

ALTER TABLE confirmations ENABLE ROW LEVEL SECURITY;
ALTER TABLE confirmations FORCE ROW LEVEL SECURITY;
CREATE POLICY confirmations_tenant ON confirmations
  USING (tenant_id = holdfast.tenant())
  WITH CHECK (tenant_id = holdfast.tenant());
CREATE POLICY confirmations_backup ON confirmations FOR SELECT TO holdfast_backup USING (true);
