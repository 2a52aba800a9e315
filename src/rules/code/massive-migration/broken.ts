import type { ClientBase } from 'pg'

/** One file, one transaction: every lock is held until the last row is written. */
export async function up(db: ClientBase): Promise<void> {
  await db.query('ALTER TABLE orders ADD COLUMN currency text')
  await db.query("UPDATE orders SET currency = 'EUR'")
  await db.query('ALTER TABLE orders ALTER COLUMN currency SET NOT NULL')
  await db.query('CREATE INDEX orders_currency ON orders (currency)')
}
