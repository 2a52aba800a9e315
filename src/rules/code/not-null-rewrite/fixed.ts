import type { ClientBase } from 'pg'

/** The check is validated beside the traffic; SET NOT NULL then believes it and reads nothing. */
export async function up(db: ClientBase): Promise<void> {
  await db.query(
    'ALTER TABLE orders ADD CONSTRAINT customer_set CHECK (customer_id IS NOT NULL) NOT VALID',
  )
  await db.query('ALTER TABLE orders VALIDATE CONSTRAINT customer_set')
  await db.query('ALTER TABLE orders ALTER COLUMN customer_id SET NOT NULL')
  await db.query('ALTER TABLE orders DROP CONSTRAINT customer_set')
}
