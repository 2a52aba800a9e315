/** The database refuses what would take invoices along; the customer is closed, not deleted. */
export const migration = `
  CREATE TABLE customers (id bigint PRIMARY KEY, closed_at timestamptz);
  CREATE TABLE invoices (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers ON DELETE RESTRICT
  );
  CREATE INDEX invoices_customer ON invoices (customer_id);
`
export const remove = 'UPDATE customers SET closed_at = now() WHERE id = $1'
