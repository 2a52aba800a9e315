import type { Pool } from 'pg'

export async function withdraw(db: Pool, account: number, amount: number): Promise<boolean> {
  const { rows } = await db.query('SELECT balance FROM accounts WHERE id = $1', [account])
  if (rows[0].balance < amount) return false
  await db.query('UPDATE accounts SET balance = $2 WHERE id = $1', [
    account,
    rows[0].balance - amount,
  ])
  return true
}
