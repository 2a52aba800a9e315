import { createHmac } from 'node:crypto'
import type { Pool } from 'pg'

interface Delivery {
  readonly id: string
  readonly signature: string
  readonly body: string
}

export async function receive(db: Pool, secret: string, delivery: Delivery): Promise<number> {
  const event = JSON.parse(delivery.body)
  const expected = createHmac('sha256', secret).update(JSON.stringify(event)).digest('hex')
  if (delivery.signature !== expected) return 401
  await db.query('UPDATE accounts SET balance = balance + $2 WHERE id = $1', [
    event.account,
    event.amount,
  ])
  return 200
}
