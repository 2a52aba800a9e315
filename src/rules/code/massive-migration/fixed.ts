import type { ClientBase } from 'pg'

/** The default is kept in the catalogue: no row is written, and the lock is held for a moment. */
export async function up(db: ClientBase): Promise<void> {
  await db.query("ALTER TABLE orders ADD COLUMN currency text NOT NULL DEFAULT 'EUR'")
}

/** A file of its own, outside of a transaction. */
export async function upIndex(db: ClientBase): Promise<void> {
  await db.query('CREATE INDEX CONCURRENTLY orders_currency ON orders (currency)')
}
