import type { ClientBase } from 'pg'

export async function up(db: ClientBase): Promise<void> {
  await db.query('CREATE INDEX orders_customer ON orders (customer_id)')
}
