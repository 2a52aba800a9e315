-- An order may be held for a review before it counts as placed; and it tells where it goes.
ALTER TABLE orders ADD COLUMN country text COLLATE "C",
  ADD CONSTRAINT orders_country_check CHECK (country ~ '^[A-Z]{2}$') NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_country_check;

ALTER TABLE orders DROP CONSTRAINT orders_status_check,
  ADD CONSTRAINT orders_status_check CHECK (status IN ('placed', 'held', 'cancelled')) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_status_check;
