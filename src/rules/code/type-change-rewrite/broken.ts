import type { ClientBase } from 'pg'

export const before = 'CREATE TABLE orders (id int PRIMARY KEY, total int)'

/** Every row is written anew under an ACCESS EXCLUSIVE lock. */
export async function up(db: ClientBase): Promise<void> {
  await db.query('ALTER TABLE orders ALTER COLUMN total TYPE bigint')
}
