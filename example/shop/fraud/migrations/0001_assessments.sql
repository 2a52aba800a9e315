-- What was thought of each order when it was placed, and what became of those that were held.
--
-- States: accepted; or open -> approved | rejected by a person, or withdrawn with its order.
CREATE TABLE fraud_assessments (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  order_id uuid NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  card_fingerprint text COLLATE "C",
  total_minor bigint NOT NULL,
  currency text COLLATE "C" NOT NULL,
  score integer NOT NULL,
  -- [{ rule, score, detail }]
  reasons jsonb NOT NULL,
  status text COLLATE "C" NOT NULL,
  assessed_at timestamptz NOT NULL DEFAULT now(),
  decided_at timestamptz,
  decided_by text,
  note text,
  CONSTRAINT fraud_assessments_pkey PRIMARY KEY (tenant_id, order_id),
  CONSTRAINT fraud_assessments_status_check
    CHECK (status IN ('accepted', 'open', 'approved', 'rejected', 'withdrawn')),
  CONSTRAINT fraud_assessments_decided_check
    CHECK ((status IN ('accepted', 'open')) = (decided_at IS NULL))
);

-- Velocity of a customer and of a card, newest first; the review queue.
CREATE INDEX fraud_assessments_customer_idx
  ON fraud_assessments (tenant_id, customer_id, assessed_at);
CREATE INDEX fraud_assessments_card_idx
  ON fraud_assessments (tenant_id, card_fingerprint, assessed_at) WHERE card_fingerprint IS NOT NULL;
CREATE INDEX fraud_assessments_status_idx
  ON fraud_assessments (tenant_id, status, assessed_at, order_id);
CREATE INDEX fraud_assessments_assessed_idx
  ON fraud_assessments (tenant_id, assessed_at, order_id);

-- Whom and what nobody sells to without a look.
CREATE TABLE fraud_blocklist (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  kind text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  added_by text NOT NULL,
  added_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT fraud_blocklist_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT fraud_blocklist_value_key UNIQUE (tenant_id, kind, value),
  CONSTRAINT fraud_blocklist_kind_check CHECK (kind IN ('customer', 'card', 'email', 'country'))
);
CREATE INDEX fraud_blocklist_added_idx ON fraud_blocklist (tenant_id, added_at, id);
CREATE INDEX fraud_blocklist_kind_idx ON fraud_blocklist (tenant_id, kind, added_at, id);

SELECT holdfast.keep_apart('fraud_assessments', 'fraud_blocklist');
