import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

const TIMEOUT_MS = 5_000

export async function pay(db: Pool, provider: string, order: number): Promise<void> {
  await inTransaction(db, async (tx) => {
    await tx.query("UPDATE orders SET state = 'paying' WHERE id = $1", [order])
    const reply = await fetch(`${provider}/charges`, {
      method: 'POST',
      headers: { 'idempotency-key': `charge-${order}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const payment = await reply.text()
    await tx.query("UPDATE orders SET state = 'paid', payment = $2 WHERE id = $1", [order, payment])
  })
}
