-- The same tables as a hand-written service would have them: no tenant wall, the same keys.
CREATE SCHEMA peer;
CREATE TABLE peer.products (
  tenant text NOT NULL,
  sku text NOT NULL,
  price_minor bigint NOT NULL,
  stock bigint NOT NULL CHECK (stock >= 0),
  PRIMARY KEY (tenant, sku)
) WITH (fillfactor = 50);
CREATE TABLE peer.orders (
  tenant text NOT NULL,
  id uuid NOT NULL,
  customer_id text NOT NULL,
  total_minor bigint NOT NULL,
  placed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, id)
);
CREATE INDEX orders_newest ON peer.orders (tenant, placed_at DESC, id DESC);
CREATE TABLE peer.order_lines (
  tenant text NOT NULL,
  order_id uuid NOT NULL,
  line_no integer NOT NULL,
  sku text NOT NULL,
  quantity integer NOT NULL,
  price_minor bigint NOT NULL,
  PRIMARY KEY (tenant, order_id, line_no)
);
-- The guarantees as they are usually added by hand.
CREATE TABLE peer.idempotency_keys (
  tenant text NOT NULL,
  key text NOT NULL,
  fingerprint text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  status integer,
  body jsonb,
  PRIMARY KEY (tenant, key)
);
CREATE TABLE peer.audit (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  tenant text NOT NULL,
  actor text NOT NULL,
  operation text NOT NULL,
  request_id text NOT NULL
);
CREATE TABLE peer.outbox (
  id bigserial PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  tenant text NOT NULL,
  name text NOT NULL,
  payload jsonb NOT NULL
);
CREATE TABLE peer.jobs (
  id uuid PRIMARY KEY,
  run_at timestamptz NOT NULL DEFAULT now(),
  tenant text NOT NULL,
  name text NOT NULL,
  payload jsonb NOT NULL
);
