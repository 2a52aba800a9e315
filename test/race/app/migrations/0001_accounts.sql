CREATE TABLE accounts (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id integer NOT NULL,
  balance bigint NOT NULL,
  CONSTRAINT accounts_pkey PRIMARY KEY (tenant_id, id)
);
CREATE TABLE withdrawals (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  account_id integer NOT NULL,
  amount bigint NOT NULL,
  CONSTRAINT withdrawals_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT withdrawals_account_fkey FOREIGN KEY (tenant_id, account_id)
    REFERENCES accounts (tenant_id, id)
);

ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON accounts
  USING (tenant_id = holdfast.tenant()) WITH CHECK (tenant_id = holdfast.tenant());
ALTER TABLE withdrawals ENABLE ROW LEVEL SECURITY;
ALTER TABLE withdrawals FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON withdrawals
  USING (tenant_id = holdfast.tenant()) WITH CHECK (tenant_id = holdfast.tenant());
