-- What `holdfast prove` runs the shop's commands on: few rows, in each of the states that a command
-- asks for. Three lamps and one rug are left. Of Ann's orders one waits for its payment, one for a
-- review, one for its parcel; one is on its way, and one has a payment that nobody has decided.
SELECT set_config('holdfast.tenant', 'acme', false);

INSERT INTO products (id, sku, name, price_minor, currency, stock) VALUES
  ('01970000-0000-7000-8000-000000000001', 'LAMP', 'Lamp', 1000, 'EUR', 3),
  ('01970000-0000-7000-8000-000000000002', 'RUG', 'Rug', 5000, 'EUR', 1);

INSERT INTO orders (id, customer_id, status, payment_status, currency, total_minor, shipped_at) VALUES
  ('01970000-0000-7000-8000-000000000011', 'ann', 'placed', 'unpaid', 'EUR', 2000, NULL),
  ('01970000-0000-7000-8000-000000000012', 'ann', 'held', 'unpaid', 'EUR', 1000, NULL),
  ('01970000-0000-7000-8000-000000000013', 'ann', 'placed', 'paid', 'EUR', 1000, NULL),
  ('01970000-0000-7000-8000-000000000014', 'ann', 'placed', 'paid', 'EUR', 1000, '2026-01-05'),
  ('01970000-0000-7000-8000-000000000015', 'ann', 'placed', 'pending', 'EUR', 1000, NULL);

INSERT INTO order_lines (order_id, line_no, product_id, sku, name, unit_price_minor, quantity)
SELECT id, 1, '01970000-0000-7000-8000-000000000001', 'LAMP', 'Lamp', 1000, total_minor / 1000 FROM orders;

INSERT INTO fraud_assessments (order_id, customer_id, total_minor, currency, score, reasons, status) VALUES
  ('01970000-0000-7000-8000-000000000012', 'ann', 1000, 'EUR', 75, '[]', 'open');
INSERT INTO fraud_blocklist (id, kind, value, reason, added_by) VALUES
  ('01970000-0000-7000-8000-000000000021', 'country', 'KP', 'Nothing is sent there.', 'support');

INSERT INTO payments (id, order_id, customer_id, source, amount_minor, currency) VALUES
  ('01970000-0000-7000-8000-000000000031', '01970000-0000-7000-8000-000000000015', 'ann', 'src_card', 1000, 'EUR');

INSERT INTO shipments (id, order_id, customer_id, carrier) VALUES
  ('01970000-0000-7000-8000-000000000041', '01970000-0000-7000-8000-000000000014', 'ann', 'Post');
INSERT INTO shipment_moves (shipment_id, no, status) VALUES
  ('01970000-0000-7000-8000-000000000041', 1, 'created');
