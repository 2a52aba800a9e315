import type { ClientBase } from 'pg'

export const before = 'CREATE TABLE users (id bigint PRIMARY KEY, phone text)'
export const oldRead = 'SELECT id, phone FROM users'

/** This release stops using it and keeps a copy; the column goes with a later one. */
export async function up(db: ClientBase): Promise<void> {
  await db.query(
    'CREATE TABLE users_phone_until_2027 AS SELECT id, phone FROM users WHERE phone IS NOT NULL',
  )
  await db.query("COMMENT ON COLUMN users.phone IS 'unused since 2026-11; drop once copied'")
}
