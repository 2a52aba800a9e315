/** Each file holds one kind of lock for as short as it can; the rows are filled between them. */
export const files = [
  "ALTER TABLE orders ADD COLUMN currency text DEFAULT 'EUR';",
  'CREATE INDEX CONCURRENTLY orders_currency ON orders (currency);',
  'ALTER TABLE orders ADD CONSTRAINT currency_set CHECK (currency IS NOT NULL) NOT VALID;',
  'ALTER TABLE orders VALIDATE CONSTRAINT currency_set;',
]
