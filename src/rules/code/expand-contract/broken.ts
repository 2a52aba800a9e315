export const before = 'CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL)'
/** What the version that still runs sends. */
export const oldWrite = "INSERT INTO users (id, name) VALUES (1, 'Ada')"
export const deploy = ['ALTER TABLE users RENAME COLUMN name TO full_name']
