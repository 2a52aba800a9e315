-- A read model kept by subscriptions to the orders' events: what each product has sold, net of
-- cancellations. Each event adds or takes away, so the sums are right in whatever order two
-- subscriptions get on; that is why no CHECK forbids a count that is below zero for a moment.
CREATE TABLE product_sales (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  product_id uuid NOT NULL,
  sku text NOT NULL,
  currency text COLLATE "C" NOT NULL,
  orders_count bigint NOT NULL,
  units bigint NOT NULL,
  revenue_minor bigint NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT product_sales_pkey PRIMARY KEY (tenant_id, product_id)
);

-- "Best sellers first"; the product id makes the order total.
CREATE INDEX product_sales_units_idx ON product_sales (tenant_id, units, product_id);

SELECT holdfast.keep_apart('product_sales');
