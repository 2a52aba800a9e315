import type { Pool } from 'pg'

export function createDrafts(db: Pool) {
  return {
    async save(id: string, text: string): Promise<void> {
      await db.query(
        'INSERT INTO drafts (id, text) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET text = $2',
        [id, text],
      )
    },
    async load(id: string): Promise<string | undefined> {
      const { rows } = await db.query('SELECT text FROM drafts WHERE id = $1', [id])
      return rows[0]?.text
    },
  }
}
