export const query = `SELECT id FROM orders
  WHERE tenant_id = 7 AND placed_at > '2026-01-01' ORDER BY placed_at LIMIT 20`
/** Equality first, then the range that is also the order. */
export const index = 'CREATE INDEX orders_recent ON orders (tenant_id, placed_at)'
