import type { Redis } from 'ioredis'
import type { Pool } from 'pg'

const KEPT_S = 300

export async function priceOf(redis: Redis, db: Pool, sku: string): Promise<number> {
  const cached = await redis.get(`price:${sku}`)
  if (cached !== null) return JSON.parse(cached)
  const { rows } = await db.query('SELECT cents FROM prices WHERE sku = $1', [sku])
  await redis.set(`price:${sku}`, JSON.stringify(rows[0].cents), 'EX', KEPT_S)
  return rows[0].cents
}

/** After the commit, never before: until then a reader would fill in the old price again. */
export async function change(redis: Redis, db: Pool, sku: string, cents: number): Promise<void> {
  await db.query('UPDATE prices SET cents = $2 WHERE sku = $1', [sku, cents])
  await redis.del(`price:${sku}`)
}
