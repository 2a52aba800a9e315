CREATE TABLE vouchers (
  code text PRIMARY KEY, uses_left int NOT NULL, ends_at timestamptz NOT NULL, discount_minor int NOT NULL
);
CREATE TABLE orders (id text PRIMARY KEY, customer_id text NOT NULL, discount_minor int NOT NULL DEFAULT 0);
CREATE TABLE redemptions (
  code text NOT NULL REFERENCES vouchers, customer_id text NOT NULL, order_id text NOT NULL REFERENCES orders
);
