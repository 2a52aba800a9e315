import type { ClientBase } from 'pg'

export const before = 'CREATE TABLE users (id bigint PRIMARY KEY, phone text)'
export const oldRead = 'SELECT id, phone FROM users'

export async function up(db: ClientBase): Promise<void> {
  await db.query('ALTER TABLE users DROP COLUMN phone')
}
