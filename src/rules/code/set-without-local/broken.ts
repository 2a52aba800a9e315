import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

export async function ordersOf(db: Pool, tenant: string) {
  return inTransaction(db, async (tx) => {
    await tx.query("SELECT set_config('app.tenant', $1, false)", [tenant])
    const { rows } = await tx.query('SELECT id FROM orders LIMIT 100')
    return rows
  })
}
