CREATE TABLE bench_products (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  sku text NOT NULL,
  price_minor bigint NOT NULL,
  stock bigint NOT NULL CHECK (stock >= 0),
  PRIMARY KEY (tenant_id, sku)
) WITH (fillfactor = 50);

CREATE TABLE bench_orders (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  customer_id text NOT NULL,
  total_minor bigint NOT NULL,
  placed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX bench_orders_newest ON bench_orders (tenant_id, placed_at DESC, id DESC);

CREATE TABLE bench_order_lines (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  order_id uuid NOT NULL,
  line_no integer NOT NULL,
  sku text NOT NULL,
  quantity integer NOT NULL,
  price_minor bigint NOT NULL,
  PRIMARY KEY (tenant_id, order_id, line_no)
);

ALTER TABLE bench_products ENABLE ROW LEVEL SECURITY;
ALTER TABLE bench_products FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON bench_products USING (tenant_id = holdfast.tenant());
ALTER TABLE bench_orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE bench_orders FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON bench_orders USING (tenant_id = holdfast.tenant());
ALTER TABLE bench_order_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE bench_order_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON bench_order_lines USING (tenant_id = holdfast.tenant());
