import type { ClientBase } from 'pg'

/** SET NOT NULL reads the whole table while nobody may touch it. */
export async function up(db: ClientBase): Promise<void> {
  await db.query('ALTER TABLE orders ALTER COLUMN customer_id SET NOT NULL')
}
