-- From now on the order can no longer be cancelled: its goods are being handed to a carrier.
ALTER TABLE orders ADD COLUMN shipped_at timestamptz,
  ADD CONSTRAINT orders_shipped_check CHECK (shipped_at IS NULL OR status = 'placed') NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_shipped_check;
