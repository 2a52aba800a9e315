import type { ClientBase } from 'pg'

export const remove = 'DELETE FROM customers WHERE id = $1'

export async function up(db: ClientBase): Promise<void> {
  await db.query('CREATE TABLE customers (id bigint PRIMARY KEY)')
  await db.query(`CREATE TABLE invoices (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE
  )`)
}
