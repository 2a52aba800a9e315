import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Pool } from 'pg'
import { inTransaction } from '../transaction.ts'

interface Delivery {
  readonly id: string
  readonly signature: string
  readonly body: string
}

/**
 * The raw bytes are verified, the id is remembered with the effect, and 2xx means: do not send
 * again.
 */
export async function receive(db: Pool, secret: string, delivery: Delivery): Promise<number> {
  const expected = createHmac('sha256', secret).update(delivery.body).digest()
  const given = Buffer.from(delivery.signature, 'hex')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return 401
  const event = JSON.parse(delivery.body)
  await inTransaction(db, async (tx) => {
    const first = await tx.query('INSERT INTO inbox (id) VALUES ($1) ON CONFLICT DO NOTHING', [
      delivery.id,
    ])
    if (first.rowCount === 0) return
    await tx.query('UPDATE accounts SET balance = balance + $2 WHERE id = $1', [
      event.account,
      event.amount,
    ])
  })
  return 200
}
