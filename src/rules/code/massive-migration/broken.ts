/** One file, one transaction: every lock is held until the last statement is done. */
export const files = [
  `ALTER TABLE orders ADD COLUMN currency text;
   UPDATE orders SET currency = 'EUR';
   ALTER TABLE orders ALTER COLUMN currency SET NOT NULL;
   CREATE INDEX orders_currency ON orders (currency);`,
]
