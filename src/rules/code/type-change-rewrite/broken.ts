export const before = 'CREATE TABLE orders (id int PRIMARY KEY, total int)'
/** Every row is written anew under an ACCESS EXCLUSIVE lock. */
export const migration = ['ALTER TABLE orders ALTER COLUMN total TYPE bigint']
