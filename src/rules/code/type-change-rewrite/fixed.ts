export const before = 'CREATE TABLE orders (id int PRIMARY KEY, total int)'
/** A second column, kept equal by a trigger, filled in batches, and read once it is full. */
export const migration = [
  'ALTER TABLE orders ADD COLUMN total_cents bigint',
  `CREATE FUNCTION copy_total() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN new.total_cents := new.total; RETURN new; END $$`,
  `CREATE TRIGGER copy_total BEFORE INSERT OR UPDATE ON orders
     FOR EACH ROW EXECUTE FUNCTION copy_total()`,
]
