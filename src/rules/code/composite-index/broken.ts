export const query = `SELECT id FROM orders
  WHERE tenant_id = 7 AND placed_at > '2026-01-01' ORDER BY placed_at LIMIT 20`
/** The range comes first, so all tenants of the range are read, and one is kept. */
export const index = 'CREATE INDEX orders_recent ON orders (placed_at, tenant_id)'
