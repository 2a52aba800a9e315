import type { ClientBase } from 'pg'

/** Outside of a transaction, alone in its file; an invalid rest of a failed build goes first. */
export async function up(db: ClientBase): Promise<void> {
  await db.query('DROP INDEX CONCURRENTLY IF EXISTS orders_customer')
  await db.query('CREATE INDEX CONCURRENTLY orders_customer ON orders (customer_id)')
}
