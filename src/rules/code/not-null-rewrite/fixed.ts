/** The check is validated beside the traffic; SET NOT NULL then believes it and reads nothing. */
export const migration = [
  'ALTER TABLE orders ADD CONSTRAINT customer_set CHECK (customer_id IS NOT NULL) NOT VALID',
  'ALTER TABLE orders VALIDATE CONSTRAINT customer_set',
  'ALTER TABLE orders ALTER COLUMN customer_id SET NOT NULL',
  'ALTER TABLE orders DROP CONSTRAINT customer_set',
]
