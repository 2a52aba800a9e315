import type { ClientBase } from 'pg'

export const remove = 'UPDATE customers SET closed_at = now() WHERE id = $1'

/** The database refuses what would take invoices along; the customer is closed, not deleted. */
export async function up(db: ClientBase): Promise<void> {
  await db.query('CREATE TABLE customers (id bigint PRIMARY KEY, closed_at timestamptz)')
  await db.query(`CREATE TABLE invoices (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers ON DELETE RESTRICT
  )`)
  await db.query('CREATE INDEX invoices_customer ON invoices (customer_id)')
}
