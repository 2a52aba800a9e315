/**
 * In a file of its own, outside of a transaction; an invalid rest of a failed build is dropped
 * first.
 */
export const migration = [
  'DROP INDEX CONCURRENTLY IF EXISTS orders_customer',
  'CREATE INDEX CONCURRENTLY orders_customer ON orders (customer_id)',
]
