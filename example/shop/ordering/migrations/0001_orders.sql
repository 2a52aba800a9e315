-- An order is placed once and may be cancelled once. Its lines are a snapshot of what was sold.
CREATE TABLE orders (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  email text,
  status text COLLATE "C" NOT NULL DEFAULT 'placed',
  currency text COLLATE "C" NOT NULL,
  total_minor bigint NOT NULL,
  placed_at timestamptz NOT NULL DEFAULT now(),
  cancelled_at timestamptz,
  CONSTRAINT orders_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT orders_customer_check CHECK (length(customer_id) BETWEEN 1 AND 200),
  CONSTRAINT orders_status_check CHECK (status IN ('placed', 'cancelled')),
  CONSTRAINT orders_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT orders_total_check CHECK (total_minor BETWEEN 0 AND 500000000000000),
  CONSTRAINT orders_cancelled_check CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL))
);

-- The tenant's list, the list of one customer, the list by status; newest first, both ways.
CREATE INDEX orders_placed_idx ON orders (tenant_id, placed_at, id);
CREATE INDEX orders_customer_idx ON orders (tenant_id, customer_id, placed_at, id);
CREATE INDEX orders_status_idx ON orders (tenant_id, status, placed_at, id);

-- product_id has no foreign key: products belong to another module, and a line must outlive them.
CREATE TABLE order_lines (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  order_id uuid NOT NULL,
  line_no smallint NOT NULL,
  product_id uuid NOT NULL,
  sku text NOT NULL,
  name text NOT NULL,
  unit_price_minor bigint NOT NULL,
  quantity integer NOT NULL,
  line_total_minor bigint NOT NULL GENERATED ALWAYS AS (unit_price_minor * quantity) STORED,
  CONSTRAINT order_lines_pkey PRIMARY KEY (tenant_id, order_id, line_no),
  CONSTRAINT order_lines_order_fkey FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id),
  CONSTRAINT order_lines_line_no_check CHECK (line_no BETWEEN 1 AND 50),
  CONSTRAINT order_lines_quantity_check CHECK (quantity BETWEEN 1 AND 100),
  CONSTRAINT order_lines_price_check CHECK (unit_price_minor BETWEEN 0 AND 100000000000)
);

SELECT holdfast.keep_apart('orders', 'order_lines');
