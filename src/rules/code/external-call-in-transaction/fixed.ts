import type { Pool } from 'pg'

const TIMEOUT_MS = 5_000

/** Two short statements with the call between them; its key makes asking again harmless. */
export async function pay(db: Pool, provider: string, order: number): Promise<void> {
  const claimed = await db.query(
    "UPDATE orders SET state = 'paying' WHERE id = $1 AND state IN ('placed', 'paying')",
    [order],
  )
  if (claimed.rowCount !== 1) return
  const reply = await fetch(`${provider}/charges`, {
    method: 'POST',
    headers: { 'idempotency-key': `charge-${order}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const payment = await reply.text()
  await db.query(
    "UPDATE orders SET state = 'paid', payment = $2 WHERE id = $1 AND state = 'paying'",
    [order, payment],
  )
}
