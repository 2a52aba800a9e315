-- One row for each order whose confirmation the mail server has accepted.
CREATE TABLE confirmations (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  order_id uuid NOT NULL,
  message_id text NOT NULL,
  recipient text NOT NULL,
  sent_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT confirmations_pkey PRIMARY KEY (tenant_id, order_id)
);

SELECT holdfast.keep_apart('confirmations');
