-- What the payments of an order have come to, as the payments module tells it.
ALTER TABLE orders ADD COLUMN payment_status text COLLATE "C" NOT NULL DEFAULT 'unpaid';
ALTER TABLE orders ADD CONSTRAINT orders_payment_status_check
  CHECK (payment_status IN ('unpaid', 'pending', 'paid', 'declined', 'voided', 'refunded')) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_payment_status_check;
