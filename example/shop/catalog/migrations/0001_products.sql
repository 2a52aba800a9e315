-- A product as a merchant edits it (version), and the stock that orders take from it.
-- Stock is moved by commands that add or take; it does not count as an edit, so a sale never makes
-- a merchant's If-Match fail.
CREATE TABLE products (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  sku text COLLATE "C" NOT NULL,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  price_minor bigint NOT NULL,
  currency text COLLATE "C" NOT NULL,
  stock integer NOT NULL,
  active boolean NOT NULL DEFAULT true,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- Collation "C": a prefix search is a range of the index, and its comparisons are leakproof, so
  -- that they are pushed below the row policy (LIKE is not).
  name_folded text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(name)) STORED,
  CONSTRAINT products_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT products_sku_key UNIQUE (tenant_id, sku),
  CONSTRAINT products_sku_check CHECK (length(sku) BETWEEN 1 AND 64),
  CONSTRAINT products_name_check CHECK (length(name) BETWEEN 1 AND 200),
  -- 1e11 x 100 pieces x 50 lines stays below 2^53: every total is exact as a JavaScript number.
  CONSTRAINT products_price_check CHECK (price_minor BETWEEN 0 AND 100000000000),
  CONSTRAINT products_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT products_stock_check CHECK (stock BETWEEN 0 AND 1000000000),
  CONSTRAINT products_version_check CHECK (version >= 1)
) WITH (fillfactor = 85);

-- One index for each declared order of the list and the search; stock is in none of them, so that
-- a sale stays a heap-only update.
CREATE INDEX products_name_idx ON products (tenant_id, name_folded, id);
CREATE INDEX products_price_idx ON products (tenant_id, price_minor, id);
CREATE INDEX products_created_idx ON products (tenant_id, created_at, id);

SELECT holdfast.keep_apart('products');
