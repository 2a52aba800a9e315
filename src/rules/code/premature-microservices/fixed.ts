import type { PoolClient } from 'pg'

export interface Stock {
  reserve(tx: PoolClient, sku: string): Promise<void>
}

/**
 * A module boundary costs a function call; it can become a network boundary when a reason appears.
 */
export async function placeOrder(tx: PoolClient, stock: Stock, sku: string): Promise<void> {
  await stock.reserve(tx, sku)
  await tx.query('INSERT INTO orders (sku) VALUES ($1)', [sku])
}
