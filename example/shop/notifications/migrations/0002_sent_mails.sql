-- One row for each cause whose mail the mail server has accepted: `order-confirmation/<order>`.
CREATE TABLE sent_mails (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  cause text COLLATE "C" NOT NULL,
  message_id text NOT NULL,
  recipient text NOT NULL,
  sent_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sent_mails_pkey PRIMARY KEY (tenant_id, cause)
);

SELECT holdfast.keep_apart('sent_mails');

-- The owner is under its tables' policies: what was sent before comes along tenant by tenant.
ALTER TABLE confirmations NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sent_mails NO FORCE ROW LEVEL SECURITY;
INSERT INTO sent_mails (tenant_id, cause, message_id, recipient, sent_at)
  SELECT tenant_id, 'order-confirmation/' || order_id, message_id, recipient, sent_at
  FROM confirmations;
ALTER TABLE sent_mails FORCE ROW LEVEL SECURITY;
DROP TABLE confirmations;
