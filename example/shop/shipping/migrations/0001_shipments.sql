-- A parcel on its way. One for each order; the customer stands here too, because whoever may read an
-- order may read its tracking.
--
-- States: created -> handed_over -> in_transit -> delivered; from handed_over on also -> returned.
CREATE TABLE shipments (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  id uuid NOT NULL,
  order_id uuid NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  carrier text NOT NULL,
  tracking_code text,
  status text COLLATE "C" NOT NULL DEFAULT 'created',
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shipments_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT shipments_order_key UNIQUE (tenant_id, order_id),
  CONSTRAINT shipments_status_check
    CHECK (status IN ('created', 'handed_over', 'in_transit', 'delivered', 'returned'))
);
CREATE INDEX shipments_created_idx ON shipments (tenant_id, created_at, id);
CREATE INDEX shipments_customer_idx ON shipments (tenant_id, customer_id, created_at, id);
CREATE INDEX shipments_status_idx ON shipments (tenant_id, status, created_at, id);

-- Each state once, in order; `no` is the version that the shipment had with it.
CREATE TABLE shipment_moves (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(),
  shipment_id uuid NOT NULL,
  no integer NOT NULL,
  status text NOT NULL,
  note text,
  moved_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shipment_moves_pkey PRIMARY KEY (tenant_id, shipment_id, no),
  CONSTRAINT shipment_moves_shipment_fkey FOREIGN KEY (tenant_id, shipment_id)
    REFERENCES shipments (tenant_id, id)
);

SELECT holdfast.keep_apart('shipments', 'shipment_moves');
