import type { Pool } from 'pg'

export const policy = ''

export async function invoice(db: Pool, _tenant: string, id: number) {
  const { rows } = await db.query('SELECT id, total FROM invoices WHERE id = $1', [id])
  return rows[0]
}
