import type { Pool } from 'pg'

export async function transfer(db: Pool, from: number, to: number, amount: number): Promise<void> {
  await db.query('UPDATE accounts SET balance = balance - $2 WHERE id = $1', [from, amount])
  await db.query('UPDATE accounts SET balance = balance + $2 WHERE id = $1', [to, amount])
}
