export const before = 'CREATE TABLE users (id bigint PRIMARY KEY, phone text)'
export const oldRead = 'SELECT id, phone FROM users'
export const deploy = ['ALTER TABLE users DROP COLUMN phone']
