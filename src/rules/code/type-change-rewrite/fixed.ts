import type { ClientBase } from 'pg'

export const before = 'CREATE TABLE orders (id int PRIMARY KEY, total int)'

/** A second column, kept equal by a trigger, filled in batches, and read once it is full. */
export async function up(db: ClientBase): Promise<void> {
  await db.query('ALTER TABLE orders ADD COLUMN total_cents bigint')
  await db.query(`CREATE FUNCTION copy_total() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN new.total_cents := new.total; RETURN new; END $$`)
  await db.query(`CREATE TRIGGER copy_total BEFORE INSERT OR UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION copy_total()`)
}
