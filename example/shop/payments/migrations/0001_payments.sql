-- One row is one try to be paid for an order. What happened at the provider is told by it alone: our
-- status follows the newest state that it has told, and `goal` is where we want it to get.
CREATE TABLE payments (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  order_id uuid NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  -- What the provider gave the customer for a card: never a card itself.
  source text NOT NULL,
  amount_minor bigint NOT NULL,
  currency text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL DEFAULT 'pending',
  goal text COLLATE "C" NOT NULL DEFAULT 'paid',
  provider_id text,
  -- Counts the changes at the provider: an older one that comes later changes nothing.
  provider_version integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT payments_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT payments_source_check CHECK (length(source) BETWEEN 1 AND 100),
  CONSTRAINT payments_amount_check CHECK (amount_minor BETWEEN 1 AND 500000000000000),
  CONSTRAINT payments_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT payments_status_check CHECK (status IN ('pending', 'authorized', 'declined', 'captured', 'voided', 'refunded')),
  CONSTRAINT payments_goal_check CHECK (goal IN ('paid', 'released')),
  CONSTRAINT payments_provider_check CHECK ((provider_id IS NULL) = (status = 'pending') AND (provider_version = 0) = (status = 'pending'))
);

-- An order is charged at most once: only after a refusal may it be tried again.
CREATE UNIQUE INDEX payments_live_key ON payments (tenant_id, order_id) WHERE status <> 'declined';
CREATE INDEX payments_order_idx ON payments (tenant_id, order_id, created_at, id);

-- Each change, once, in the order of the provider; append-only.
CREATE TABLE payment_moves (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  payment_id uuid NOT NULL,
  provider_version integer NOT NULL,
  from_status text NOT NULL,
  to_status text NOT NULL,
  via text NOT NULL,
  request_id text NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT payment_moves_pkey PRIMARY KEY (tenant_id, payment_id, provider_version),
  CONSTRAINT payment_moves_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES payments (tenant_id, id),
  CONSTRAINT payment_moves_via_check CHECK (via IN ('reply', 'webhook', 'reconcile'))
);

-- Money that has moved: at most one charge and one refund for each payment; append-only.
CREATE TABLE payment_ledger (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  payment_id uuid NOT NULL,
  kind text COLLATE "C" NOT NULL,
  amount_minor bigint NOT NULL,
  currency text COLLATE "C" NOT NULL,
  booked_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT payment_ledger_pkey PRIMARY KEY (tenant_id, payment_id, kind),
  CONSTRAINT payment_ledger_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES payments (tenant_id, id),
  CONSTRAINT payment_ledger_amount_check CHECK (
    (kind = 'charge' AND amount_minor > 0) OR (kind = 'refund' AND amount_minor < 0))
);

SELECT holdfast.keep_apart('payments', 'payment_moves', 'payment_ledger');
