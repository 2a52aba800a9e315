/** SET NOT NULL reads the whole table while nobody may touch it. */
export const migration = ['ALTER TABLE orders ALTER COLUMN customer_id SET NOT NULL']
