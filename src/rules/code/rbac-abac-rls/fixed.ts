import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

/** The second wall: a query that forgets the tenant finds nothing, and without one it raises. */
export const policy = `
  ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
  ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
  CREATE POLICY own_rows ON invoices USING (tenant_id = current_setting('app.tenant'));
`

export async function invoice(db: Pool, tenant: string, id: number) {
  return inTransaction(db, async (tx) => {
    await tx.query("SELECT set_config('app.tenant', $1, true)", [tenant])
    const { rows } = await tx.query('SELECT id, total FROM invoices WHERE id = $1', [id])
    return rows[0]
  })
}
