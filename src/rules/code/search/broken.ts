import type { Pool } from 'pg'

export async function findProducts(db: Pool, words: string) {
  const { rows } = await db.query(
    "SELECT id, name FROM products WHERE name ILIKE '%' || $1 || '%' ORDER BY name LIMIT 20",
    [words],
  )
  return rows
}
