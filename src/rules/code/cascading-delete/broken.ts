export const migration = `
  CREATE TABLE customers (id bigint PRIMARY KEY);
  CREATE TABLE invoices (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE
  );
`
export const remove = 'DELETE FROM customers WHERE id = $1'
