import type { Redis } from 'ioredis'
import type { Pool } from 'pg'

export async function priceOf(redis: Redis, db: Pool, sku: string): Promise<number> {
  const cached = await redis.get(`price:${sku}`)
  if (cached !== null) return JSON.parse(cached)
  const { rows } = await db.query('SELECT cents FROM prices WHERE sku = $1', [sku])
  await redis.set(`price:${sku}`, JSON.stringify(rows[0].cents))
  return rows[0].cents
}

export async function change(_redis: Redis, db: Pool, sku: string, cents: number): Promise<void> {
  await db.query('UPDATE prices SET cents = $2 WHERE sku = $1', [sku, cents])
}
