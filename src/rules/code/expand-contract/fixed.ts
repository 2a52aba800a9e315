export const before = 'CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL)'
export const oldWrite = "INSERT INTO users (id, name) VALUES (1, 'Ada')"
/** Both columns live together; the old one goes when no process of the old version is left. */
export const deploy = [
  'ALTER TABLE users ADD COLUMN full_name text',
  `CREATE FUNCTION copy_name() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN new.full_name := coalesce(new.full_name, new.name); RETURN new; END $$`,
  `CREATE TRIGGER copy_name BEFORE INSERT OR UPDATE ON users
     FOR EACH ROW EXECUTE FUNCTION copy_name()`,
]
