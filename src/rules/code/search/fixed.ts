import type { Pool } from 'pg'

export const column = `
  ALTER TABLE products ADD COLUMN words tsvector
    GENERATED ALWAYS AS (to_tsvector('english', name || ' ' || description)) STORED;
  CREATE INDEX products_words ON products USING gin (words);
`

/** Finds every word in any order and form, best match first. */
export async function findProducts(db: Pool, words: string) {
  const { rows } = await db.query(
    `SELECT id, name FROM products, websearch_to_tsquery('english', $1) AS asked
      WHERE words @@ asked ORDER BY ts_rank(words, asked) DESC, id LIMIT 20`,
    [words],
  )
  return rows
}
