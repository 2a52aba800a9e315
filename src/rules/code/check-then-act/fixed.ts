import type { Pool } from 'pg'

/** The check is part of the write: the second one waits for the row and sees the new balance. */
export async function withdraw(db: Pool, account: number, amount: number): Promise<boolean> {
  const { rowCount } = await db.query(
    'UPDATE accounts SET balance = balance - $2 WHERE id = $1 AND balance >= $2',
    [account, amount],
  )
  return rowCount === 1
}
