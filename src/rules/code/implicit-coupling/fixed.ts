import type { PoolClient } from 'pg'

/** What ordering offers; its owner may change its tables without asking anybody. */
export interface Ordering {
  ship(tx: PoolClient, order: number): Promise<void>
}

export async function markShipped(tx: PoolClient, ordering: Ordering, order: number) {
  await tx.query('INSERT INTO shipments (order_id) VALUES ($1)', [order])
  await ordering.ship(tx, order)
}
