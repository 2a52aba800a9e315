export const migration = 'CREATE INDEX orders_customer ON orders (customer_id)'
