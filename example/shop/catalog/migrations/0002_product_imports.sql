-- Which import wrote a product last, and from which line: the same SKU twice in one file is found by
-- the row itself, however many batches lie between.
ALTER TABLE products ADD COLUMN import_id uuid, ADD COLUMN import_line integer;

-- A CSV file being taken in. `position` is the byte up to which it has been worked through: it moves in
-- the transaction that writes the rows before it, so each row is written once.
CREATE TABLE product_imports (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  status text COLLATE "C" NOT NULL DEFAULT 'running',
  requested_by text NOT NULL,
  -- The staged content.
  file uuid NOT NULL,
  file_bytes bigint NOT NULL,
  file_sha256 text NOT NULL,
  position bigint NOT NULL DEFAULT 0,
  -- The line that begins at `position`, from 1.
  line integer NOT NULL DEFAULT 1,
  -- Behind a row that could not be read: the rest of its line is passed over first.
  skipping boolean NOT NULL DEFAULT false,
  -- Those of the header, in its order.
  columns text[],
  rows_created integer NOT NULL DEFAULT 0,
  rows_updated integer NOT NULL DEFAULT 0,
  rows_rejected integer NOT NULL DEFAULT 0,
  -- Rows whose quotes or length kept them from being read at all.
  rows_unreadable integer NOT NULL DEFAULT 0,
  findings integer NOT NULL DEFAULT 0,
  failure text,
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  CONSTRAINT product_imports_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT product_imports_status_check CHECK (status IN ('running', 'done', 'failed')),
  CONSTRAINT product_imports_position_check CHECK (position BETWEEN 0 AND file_bytes),
  CONSTRAINT product_imports_finished_check CHECK ((status = 'running') = (finished_at IS NULL)),
  CONSTRAINT product_imports_failure_check CHECK ((status = 'failed') = (failure IS NOT NULL))
) WITH (fillfactor = 70);

CREATE INDEX product_imports_created_idx ON product_imports (tenant_id, created_at, id);
CREATE INDEX product_imports_status_idx ON product_imports (tenant_id, status, created_at, id);

-- What is wrong with which row. `no` counts the findings of one import.
CREATE TABLE product_import_findings (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  import_id uuid NOT NULL,
  no integer NOT NULL,
  line integer NOT NULL,
  -- NULL: the row as a whole.
  column_name text,
  reason text NOT NULL,
  CONSTRAINT product_import_findings_pkey PRIMARY KEY (tenant_id, import_id, no),
  CONSTRAINT product_import_findings_import_fkey FOREIGN KEY (tenant_id, import_id)
    REFERENCES product_imports (tenant_id, id)
);

SELECT holdfast.keep_apart('product_imports', 'product_import_findings');
