-- One tenant's data, the same on every machine: whatever looks random is a slice of the hash of a
-- counter. Settings of the transaction: holdfast.tenant, seed.currency, seed.other_currency,
-- seed.products, seed.orders, seed.customers, seed.first_customer.
-- OFFSET 0 keeps a hash from being computed once for each of its uses.

CREATE FUNCTION pg_temp.seed_hash(kind text, n integer) RETURNS text LANGUAGE sql STABLE
  RETURN md5(current_setting('holdfast.tenant') || ':20260101:' || kind || n);

-- An integer in [0, below) out of seven digits of a hash.
CREATE FUNCTION pg_temp.seed_pick(hash text, digit integer, below integer) RETURNS integer LANGUAGE sql IMMUTABLE
  RETURN ('x' || substr(hash, digit, 7))::bit(28)::integer % below;

-- A version 7 UUID (RFC 9562) of a moment and a hash.
CREATE FUNCTION pg_temp.seed_uuid(at timestamptz, hash text) RETURNS uuid LANGUAGE sql IMMUTABLE
  RETURN (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(hash, 1, 3)
    || '8' || substr(hash, 4, 15))::uuid;

CREATE TEMPORARY TABLE seed_products ON COMMIT DROP AS
SELECT n, at, pg_temp.seed_uuid(at, hash) AS id,
  upper(substr(material, 1, 3)) || '-' || upper(substr(thing, 1, 3)) || '-' || lpad(n::text, 5, '0') AS sku,
  style || ' ' || material || ' ' || thing || ' ' || (10 + pg_temp.seed_pick(hash, 1, 90)) || ' cm' AS name,
  style || ' ' || lower(thing) || ' made of ' || lower(material) || '.' AS description,
  (199 + pg_temp.seed_pick(hash, 6, 24800))::bigint AS price_minor,
  CASE WHEN n % 50 = 0 THEN current_setting('seed.other_currency') ELSE current_setting('seed.currency') END AS currency,
  50 + pg_temp.seed_pick(hash, 11, 950) AS stock,
  n % 97 <> 0 AS active
FROM (
  SELECT n, at, hash,
    (ARRAY['Round', 'Slim', 'Wide', 'Plain', 'Painted', 'Folding', 'Heavy', 'Light', 'Classic', 'Modern'])[1 + pg_temp.seed_pick(hash, 16, 10)] AS style,
    (ARRAY['Oak', 'Steel', 'Glass', 'Linen', 'Copper', 'Walnut', 'Ceramic', 'Leather', 'Bamboo', 'Marble', 'Cotton', 'Brass'])[1 + pg_temp.seed_pick(hash, 21, 12)] AS material,
    (ARRAY['Lamp', 'Table', 'Chair', 'Shelf', 'Vase', 'Bowl', 'Mirror', 'Clock', 'Basket', 'Stool', 'Frame', 'Tray', 'Rug', 'Bench', 'Hook', 'Box'])[1 + pg_temp.seed_pick(hash, 26, 16)] AS thing
  FROM (
    SELECT n, timestamptz '2025-06-01 00:00:00+00' + n * interval '20 minutes' AS at, pg_temp.seed_hash('product', n) AS hash
    FROM generate_series(1, current_setting('seed.products')::integer) AS n OFFSET 0
  ) AS hashed OFFSET 0
) AS named;

INSERT INTO products (id, sku, name, description, price_minor, currency, stock, active, created_at, updated_at)
SELECT id, sku, name, description, price_minor, currency, stock, active, at, at
FROM seed_products ORDER BY n;

-- Half of the orders have one line, a tenth has four; one in twelve was cancelled; one in fifty is
-- the first customer's, who has a development key. Some products sell far more often than others
-- (the square of a uniform pick).
CREATE TEMPORARY TABLE seed_orders ON COMMIT DROP AS
SELECT n, hash, at, pg_temp.seed_uuid(at, hash) AS id,
  CASE WHEN n % 50 = 0 THEN current_setting('seed.first_customer')
    ELSE 'customer_' || lpad(pg_temp.seed_pick(hash, 1, customers)::text, 5, '0') END AS customer,
  CASE WHEN dice < 50 THEN 1 WHEN dice < 75 THEN 2 WHEN dice < 90 THEN 3 ELSE 4 END AS line_count,
  pg_temp.seed_pick(hash, 11, 12) = 0 AS cancelled,
  -- One in five hundred waits for a review; an eighth of the others has been shipped.
  n % 500 = 7 AND pg_temp.seed_pick(hash, 11, 12) <> 0 AS held,
  n % 8 = 0 AND pg_temp.seed_pick(hash, 11, 12) <> 0 AS shipped,
  (sellable * popularity * popularity)::integer AS first_item
FROM (
  SELECT n, hash, sellable, customers, pg_temp.seed_pick(hash, 6, 100) AS dice,
    pg_temp.seed_pick(hash, 16, 1000000) / 1000000.0::double precision AS popularity,
    timestamptz '2026-01-01 00:00:00+00' + n * step + pg_temp.seed_pick(hash, 21, 1000000) * interval '1 microsecond' AS at
  FROM (
    SELECT n, pg_temp.seed_hash('order', n) AS hash, sellable, interval '270 days' / orders AS step, customers
    FROM (
      SELECT (SELECT count(*)::integer FROM seed_products WHERE n % 50 <> 0) AS sellable,
        current_setting('seed.orders')::integer AS orders, current_setting('seed.customers')::integer AS customers OFFSET 0
    ) AS bounds, generate_series(1, orders) AS n OFFSET 0
  ) AS hashed OFFSET 0
) AS placed;

-- Steps between the lines of an order keep its products apart; every fiftieth product, in the other
-- currency, is left out, because an order has one currency.
CREATE TEMPORARY TABLE seed_lines ON COMMIT DROP AS
SELECT o.n, o.order_id, line_no, o.cancelled, p.id AS product_id, p.sku, p.name, p.price_minor, p.currency, quantity
FROM (
  SELECT o.n, o.id AS order_id, o.cancelled, line_no, (o.first_item + line_no * 997) % sellable AS item,
    1 + pg_temp.seed_pick(o.hash, 22 + line_no, 5) AS quantity
  FROM (SELECT count(*)::integer AS sellable FROM seed_products WHERE n % 50 <> 0) AS catalog,
    seed_orders AS o, generate_series(1, o.line_count) AS line_no
) AS o
JOIN seed_products AS p ON p.n = o.item + o.item / 49 + 1;

-- What was shipped had been paid for in advance, past the payments module: it keeps what it charged itself.
INSERT INTO orders (id, customer_id, status, payment_status, currency, total_minor, placed_at, cancelled_at, shipped_at)
SELECT o.id, o.customer, CASE WHEN o.cancelled THEN 'cancelled' WHEN o.held THEN 'held' ELSE 'placed' END,
  CASE WHEN o.shipped THEN 'paid' ELSE 'unpaid' END, l.currency, l.total_minor, o.at,
  CASE WHEN o.cancelled THEN o.at + interval '2 hours' END, CASE WHEN o.shipped THEN o.at + interval '1 day' END
FROM seed_orders AS o
JOIN (SELECT n, min(currency) AS currency, sum(price_minor * quantity) AS total_minor FROM seed_lines GROUP BY n) AS l USING (n)
ORDER BY n;

INSERT INTO order_lines (order_id, line_no, product_id, sku, name, unit_price_minor, quantity)
SELECT order_id, line_no, product_id, sku, name, price_minor, quantity
FROM seed_lines ORDER BY n, line_no;

-- What the subscriptions would have made of these orders.
INSERT INTO product_sales (product_id, sku, currency, orders_count, units, revenue_minor)
SELECT product_id, min(sku), min(currency), count(*), sum(quantity), sum(price_minor * quantity)
FROM seed_lines WHERE NOT cancelled GROUP BY product_id;

-- What was thought of a tenth of the orders, and of all that are held.
INSERT INTO fraud_assessments (order_id, customer_id, card_fingerprint, total_minor, currency, score, reasons, status,
  assessed_at, decided_at, decided_by, note)
SELECT o.id, o.customer_id, 'fp_' || substr(s.hash, 1, 12), o.total_minor, o.currency,
  CASE WHEN s.held OR s.n % 130 = 0 THEN 75 ELSE 0 END,
  CASE WHEN s.held OR s.n % 130 = 0 THEN jsonb_build_array(
    jsonb_build_object('rule', 'card-shared', 'score', 40, 'detail', '3 customers have used the card in the last day.'),
    jsonb_build_object('rule', 'country-mismatch', 'score', 35, 'detail', 'The card is from US, the order goes to DE.')) ELSE '[]' END,
  CASE WHEN s.held THEN 'open' WHEN s.n % 130 = 0 THEN CASE WHEN s.cancelled THEN 'rejected' ELSE 'approved' END ELSE 'accepted' END,
  s.at, CASE WHEN s.n % 130 = 0 AND NOT s.held THEN s.at + interval '1 hour' END,
  CASE WHEN s.n % 130 = 0 AND NOT s.held THEN 'support' END, CASE WHEN s.n % 130 = 0 AND NOT s.held THEN 'Called the customer.' END
FROM seed_orders AS s JOIN orders AS o ON o.id = s.id
WHERE s.n % 10 = 0 OR s.held ORDER BY s.n;

INSERT INTO fraud_blocklist (id, kind, value, reason, added_by, added_at)
SELECT pg_temp.seed_uuid(at, hash), kind, value, reason, 'support', at
FROM (
  SELECT *, timestamptz '2026-02-01 09:00:00+00' + n * interval '1 day' AS at, pg_temp.seed_hash('block', n) AS hash
  FROM (VALUES (1, 'card', 'fp_stolen00001', 'Reported as stolen.'), (2, 'card', 'fp_stolen00002', 'Reported as stolen.'),
    (3, 'email', 'mallory@example.org', 'Three chargebacks.'), (4, 'country', 'KP', 'Nothing is sent there.')) AS entry (n, kind, value, reason)
) AS entries;

-- A parcel takes a step a day; the state where it is shows how far it has come.
INSERT INTO shipments (id, order_id, customer_id, carrier, tracking_code, status, version, created_at, updated_at)
SELECT pg_temp.seed_uuid(at + interval '1 day', md5(hash)), id, customer, (ARRAY['Postal', 'Express', 'Freight'])[1 + n / 8 % 3],
  'T' || upper(substr(hash, 1, 10)), (ARRAY['created', 'handed_over', 'in_transit', 'delivered'])[steps], steps,
  at + interval '1 day', at + steps * interval '1 day'
FROM (SELECT *, CASE n / 8 % 40 WHEN 0 THEN 1 WHEN 1 THEN 2 WHEN 2 THEN 3 ELSE 4 END AS steps FROM seed_orders) AS parcel
WHERE shipped ORDER BY n;

INSERT INTO shipment_moves (shipment_id, no, status, moved_at)
SELECT id, step, (ARRAY['created', 'handed_over', 'in_transit', 'delivered'])[step], created_at + (step - 1) * interval '1 day'
FROM shipments, generate_series(1, version) AS step;

DROP FUNCTION pg_temp.seed_hash(text, integer);
DROP FUNCTION pg_temp.seed_pick(text, integer, integer);
DROP FUNCTION pg_temp.seed_uuid(timestamptz, text);
