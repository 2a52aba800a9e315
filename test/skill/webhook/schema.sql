CREATE TABLE orders (id text PRIMARY KEY, email text NOT NULL, status text NOT NULL);
CREATE TABLE ledger_entries (order_id text NOT NULL REFERENCES orders, amount_minor int NOT NULL);
