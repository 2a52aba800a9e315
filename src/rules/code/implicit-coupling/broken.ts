import type { PoolClient } from 'pg'

/** Shipping writes a table of ordering: ordering's rules about states do not run. */
export async function markShipped(tx: PoolClient, order: number): Promise<void> {
  await tx.query("UPDATE orders SET state = 'shipped' WHERE id = $1", [order])
}
